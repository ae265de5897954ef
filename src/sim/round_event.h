// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace causeway {

/// What happens to a round, for faults that wait for it.
enum class RoundEvent : uint8_t {
  kOpened = 1,
  kHeld = 2,       ///< the first offer
  kClosed = 3,     ///< the decision is appended, not yet durable
  kFolded = 4,     ///< its result is made, the commit is not yet appended
  kCommitted = 5,  ///< appended, not yet durable
  kAborted = 6,
  kApplied = 7,  ///< by the first worker
};

}  // namespace causeway
