// SPDX-License-Identifier: Apache-2.0
//
// When the rounds of a plan are launched and applied: all that can be said without their content.
#pragma once

#include <cstdint>
#include <vector>

#include "sync/plan.h"

namespace causeway {

/// A round that was launched and is not yet applied by all its channels.
struct OpenRound {
  int64_t round = 0;
  int64_t step = 0;  ///< that launched it
  Hook hook = Hook::kAfterUpdate;
  int32_t stage = 0;              ///< of its channels' firing
  std::vector<int32_t> channels;  ///< left to apply, ascending
};

/// Channels of an open round whose consensus is to be applied at this hook of step `step`.
std::vector<int32_t> arriving(const BoundPlan& plan, const OpenRound& open, Hook hook,
                              int64_t step);

/// Takes the rounds through step `step` as if all were committed: what arrives leaves `open`, what
/// fires joins it and counts up `launched`, the last round launched. Returns the rounds that are
/// applied, in whole or in part, a number for each hook and stage.
std::vector<int64_t> pass_step(const BoundPlan& plan, int64_t step, int64_t& launched,
                               std::vector<OpenRound>& open);

}  // namespace causeway
