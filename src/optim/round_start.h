// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string_view>

#include "optim/objective.h"

namespace causeway {

/// Copies x to `state` where a round begins.
inline void keep_round_start(Subject& subject, const ObjectiveStep& step, std::string_view state) {
  if (step.new_round()) std::ranges::copy(subject.state("x"), subject.state(state).begin());
}

}  // namespace causeway
