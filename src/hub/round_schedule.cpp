// SPDX-License-Identifier: Apache-2.0
#include "hub/round_schedule.h"

#include <algorithm>
#include <tuple>

namespace causeway {
namespace {

constexpr Hook kHooks[] = {Hook::kAfterBackward, Hook::kBeforeUpdate, Hook::kAfterUpdate};

}  // namespace

RoundSchedule::RoundSchedule(const BoundPlan& plan, int64_t steps)
    : plan_(plan),
      steps_(steps),
      closes_(std::ranges::any_of(plan.channels(),
                                  [](const auto& channel) { return channel.spec.closing; })) {}

const PlannedRound* RoundSchedule::round(int64_t number) const {
  const int64_t last = closes_ ? steps_ + 1 : steps_;
  while (static_cast<int64_t>(rounds_.size()) < number && walked_ < last) {
    ++walked_;
    for (const Hook hook : kHooks) {
      if (walked_ > steps_ && hook != Hook::kBeforeUpdate) continue;
      PlannedRound next{std::ssize(rounds_) + 1, walked_, hook, plan_.due(hook, walked_), 0};
      if (next.channels.empty()) continue;
      for (auto earlier = rounds_.rbegin(); earlier != rounds_.rend() && next.needs == 0; ++earlier)
        for (const int32_t channel : earlier->channels) {
          const int64_t delay = plan_.channels()[static_cast<size_t>(channel)].spec.delay;
          if (std::tuple(earlier->step + delay, earlier->hook) <= std::tuple(next.step, hook))
            next.needs = earlier->round;
        }
      rounds_.push_back(std::move(next));
    }
  }
  const bool there = number >= 1 && number <= std::ssize(rounds_);
  return there ? &rounds_[static_cast<size_t>(number - 1)] : nullptr;
}

int64_t RoundSchedule::count() const {
  round(INT64_MAX);
  return std::ssize(rounds_);
}

bool RoundSchedule::drawn(const PlannedRound& round, int32_t channel, WorkerId worker) const {
  const std::vector<WorkerId> members = plan_.members(channel, round.hook, round.step);
  return std::binary_search(members.begin(), members.end(), worker);
}

std::vector<WorkerId> RoundSchedule::drawn(const PlannedRound& round) const {
  std::vector<WorkerId> out;
  for (const int32_t channel : round.channels) {
    const std::vector<WorkerId> members = plan_.members(channel, round.hook, round.step);
    std::vector<WorkerId> both;
    std::set_union(out.begin(), out.end(), members.begin(), members.end(),
                   std::back_inserter(both));
    out = std::move(both);
  }
  return out;
}

}  // namespace causeway
