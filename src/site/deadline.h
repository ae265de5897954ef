// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/clock.h"

namespace causeway::site {

/// A moment of the machine's monotonic clock by which something must be done.
class Deadline {
 public:
  static Deadline in_ms(int64_t ms) { return Deadline(SystemClock().now_ns() + ms * kNsPerMs); }
  /// Rounded up, so that 0 means passed.
  int64_t left_ms() const {
    const int64_t left_ns = at_ns_ - SystemClock().now_ns();
    return left_ns <= 0 ? 0 : (left_ns + kNsPerMs - 1) / kNsPerMs;
  }
  bool passed() const { return left_ms() == 0; }
  /// This one, or in so many milliseconds if that is earlier.
  Deadline but_within_ms(int64_t ms) const { return Deadline(std::min(at_ns_, in_ms(ms).at_ns_)); }

 private:
  static constexpr int64_t kNsPerMs = 1'000'000;
  explicit Deadline(int64_t at_ns) : at_ns_(at_ns) {}
  int64_t at_ns_;
};

}  // namespace causeway::site
