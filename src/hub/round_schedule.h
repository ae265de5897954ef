// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sync/exchange.h"
#include "sync/plan.h"

namespace causeway {

/// One round as the plan has it: the r-th time that channels fire.
struct PlannedRound {
  int64_t round = 0;
  int64_t step = 0;
  Hook hook = Hook::kAfterUpdate;
  std::vector<int32_t> channels;
  int64_t needs = 0;  ///< last round that must be decided before a worker can get here
};

/// The rounds of a run, in order, found by walking the plan's clock and remembered. With a closing
/// channel (sync/channel.h) the last one comes after the last step. Not thread-safe. The plan
/// outlives it.
class RoundSchedule {
 public:
  RoundSchedule(const BoundPlan& plan, int64_t steps);

  /// None past the last step.
  const PlannedRound* round(int64_t number) const;
  /// How many there are in the run.
  int64_t count() const;
  /// Who is drawn for a round, ascending: in any of its channels.
  std::vector<WorkerId> drawn(const PlannedRound& round) const;
  bool drawn(const PlannedRound& round, int32_t channel, WorkerId worker) const;
  const BoundPlan& plan() const { return plan_; }
  /// What it holds of the heap: the rounds that were asked for, and all before them.
  int64_t memory_bytes() const;

 private:
  const BoundPlan& plan_;
  const int64_t steps_;
  const bool closes_;
  mutable std::vector<PlannedRound> rounds_;
  mutable int64_t walked_ = 0;  // steps looked at
};

}  // namespace causeway
