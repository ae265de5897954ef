// SPDX-License-Identifier: Apache-2.0
#include "sync/rounds.h"

#include <algorithm>

namespace causeway {
namespace {

void arrive(const BoundPlan& plan, Hook hook, int64_t step, std::vector<OpenRound>& open,
            std::vector<int64_t>& applied) {
  for (OpenRound& one : open) {
    const auto channels = arriving(plan, one, hook, step);
    if (channels.empty()) continue;
    applied.push_back(one.round);
    std::erase_if(one.channels,
                  [&](int32_t channel) { return std::ranges::binary_search(channels, channel); });
  }
  std::erase_if(open, [](const OpenRound& one) { return one.channels.empty(); });
}

}  // namespace

std::vector<int32_t> arriving(const BoundPlan& plan, const OpenRound& open, Hook hook,
                              int64_t step) {
  std::vector<int32_t> out;
  if (hook != open.hook) return out;
  for (const int32_t channel : open.channels)
    if (open.step + plan.channels()[static_cast<size_t>(channel)].spec.delay == step)
      out.push_back(channel);
  return out;
}

std::vector<int64_t> pass_step(const BoundPlan& plan, int64_t step, int64_t& launched,
                               std::vector<OpenRound>& open) {
  std::vector<int64_t> applied;
  for (const Hook hook : {Hook::kAfterBackward, Hook::kBeforeUpdate, Hook::kAfterUpdate}) {
    arrive(plan, hook, step, open, applied);
    for (int32_t stage = 0;; ++stage) {
      auto due = plan.due(hook, step, stage);
      if (due.empty()) break;
      open.push_back({++launched, step, hook, stage, std::move(due)});
      arrive(plan, hook, step, open, applied);
    }
  }
  return applied;
}

}  // namespace causeway
