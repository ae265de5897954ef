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

/// What one stage of a channel sends, and how.
struct Wire {
  int64_t count = 0;      ///< values of an offer
  int64_t consensus = 0;  ///< values of a consensus
  std::vector<TensorCut> cuts;
  std::unique_ptr<Codec> up, down;
};

/// A channel with its plug-ins made and its region found.
struct BoundChannel {
  Channel spec;
  Region region;
  std::unique_ptr<Port> port;
  std::unique_ptr<Feedback> feedback, down_feedback;
  std::unique_ptr<Group> group;
  std::unique_ptr<Rule> rule;
  std::vector<Wire> wires;  ///< by stage
  /// Of the first stage, which is the only one of most.
  int64_t count = 0;
  const Codec* up = nullptr;
  const Codec* down = nullptr;

  int32_t stages() const { return static_cast<int32_t>(wires.size()); }
};

struct BindOptions {
  int32_t workers = 1;
  uint64_t seed = 0;
  std::vector<int64_t> fixed_weights;  ///< one for each worker; empty: all 1
  std::vector<double> speeds;          ///< of each worker, in (0, 1]; empty: all 1
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

  /// Channels that fire at this hook of step `step` = 1, 2, ..., in the plan's order: those that
  /// have a stage of this number.
  std::vector<int32_t> due(Hook hook, int64_t step, int32_t stage = 0) const;
  /// Members of a channel's round, ascending.
  std::vector<int32_t> members(int32_t channel, Hook hook, int64_t step, int32_t stage = 0) const;
  /// Those by parts, each of which has a consensus of its own; one, of most groups.
  std::vector<std::vector<int32_t>> parts(int32_t channel, Hook hook, int64_t step,
                                          int32_t stage = 0) const;
  /// False if the worker is drawn for none of the rounds that step `step` leads to: it then trains
  /// nothing in that step. Nor does it in steps for which it is too slow.
  bool trains(int32_t worker, int64_t step) const;
  const VirtualClock& clock() const { return *clock_; }

 private:
  void bind_channel(const Channel& spec, const Layout& layout,
                    const std::vector<std::string>& replica_states, BoundChannel& out,
                    Mistakes& mistakes) const;
  bool sends_this_gradient(const BoundChannel& channel) const;
  void leave_out_the_slow(const BoundChannel& channel, int64_t step,
                          std::vector<int32_t>& members) const;
  Gathering gathering(Hook hook, int64_t step, int32_t stage) const;

  std::vector<BoundChannel> channels_;
  BindOptions options_;
  std::unique_ptr<const VirtualClock> clock_;
  int64_t count_ = 0;
};

/// Fails, with the reason, if only an exchange inside one process can carry the plan: rounds of
/// several stages or parts, or at times of their own; rules that need tensors whole; codecs that
/// must see a whole consensus.
Result<void> can_cross_processes(const BoundPlan& plan);

}  // namespace causeway
