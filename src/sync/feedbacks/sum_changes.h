// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "core/elementwise.h"
#include "sync/state.h"

namespace causeway {

/// Adds changes to what they are changes of, the state `name`, and leaves the sum in their place.
inline void sum_changes(std::span<float> changes, const StatesPart& states, std::string_view name) {
  elementwise(
      changes.size(),
      [](float& change, float& sum) {
        sum += change;
        change = sum;
      },
      changes.data(), states.edit(name).data());
}

}  // namespace causeway
