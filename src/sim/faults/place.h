// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sim/world.h"

namespace causeway {

/// Whose computer a fault is about.
enum class Place : uint8_t { kHub = 1, kWorker = 2 };

inline Choices<Place> place_choices() {
  return {{{"hub", Place::kHub}, {"worker", Place::kWorker}}};
}

}  // namespace causeway
