// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "aggregate/rule.h"
#include "codec/codec.h"
#include "sync/channel.h"
#include "sync/layout.h"
#include "sync/port.h"

namespace causeway {

/// A channel with its plug-ins made and its region found.
struct BoundChannel {
  Channel spec;
  Region region;
  int64_t count = 0;  ///< values of the region
  std::unique_ptr<Port> port;
  std::unique_ptr<Feedback> feedback, down_feedback;
  std::unique_ptr<Codec> up, down;
  std::unique_ptr<Group> group;
  std::unique_ptr<Rule> rule;
};

struct BindOptions {
  int32_t workers = 1;
  uint64_t seed = 0;
  std::vector<int64_t> fixed_weights;  ///< one for each worker; empty: all 1
};

/// A plan bound to a layout. Immutable, so safe from many threads; outlives engines and exchanges.
class BoundPlan {
 public:
  /// Null if there are mistakes: unknown plug-ins, empty regions, a state that the replica has not
  /// (`replica_states`), a hook that does not fit the port, a delay longer than the period or of a
  /// gradient, two channels of one name.
  static std::unique_ptr<BoundPlan> bind(const Plan& plan, const Layout& layout,
                                         const std::vector<std::string>& replica_states,
                                         BindOptions options, Mistakes& mistakes);

  const std::vector<BoundChannel>& channels() const { return channels_; }
  const BindOptions& options() const { return options_; }
  /// Values of the layout that it is bound to.
  int64_t count() const { return count_; }

  /// Channels that fire at this hook of step `step` = 1, 2, ..., in the plan's order.
  std::vector<int32_t> due(Hook hook, int64_t step) const;
  /// Members of a channel's round, ascending.
  std::vector<int32_t> members(int32_t channel, Hook hook, int64_t step) const;
  /// False if the worker is drawn for none of the rounds that step `step` leads to: it then trains
  /// nothing in that step.
  bool trains(int32_t worker, int64_t step) const;

 private:
  std::vector<BoundChannel> channels_;
  BindOptions options_;
  int64_t count_ = 0;
};

}  // namespace causeway
