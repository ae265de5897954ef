// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace causeway {

/// Whether an object store is of use, by what came of the last tries. One thread at a time.
class StoreHealth {
 public:
  static constexpr int64_t kFailuresMax = 3;  ///< in a row: then it is away
  static constexpr int64_t kAgainMs = 10'000;

  bool away() const { return failures_ >= kFailuresMax; }
  /// True if it was away until now.
  bool succeeded() {
    const bool news = away();
    failures_ = 0;
    trying_ = false;
    return news;
  }
  /// True if it is away from now on.
  bool failed(int64_t now_ms) {
    trying_ = false;
    again_ms_ = now_ms + kAgainMs;
    return ++failures_ == kFailuresMax;
  }
  /// Whether a store that is away shall be tried now: one try at a time, with pauses.
  bool try_again(int64_t now_ms) {
    if (!away() || trying_ || now_ms < again_ms_) return false;
    return trying_ = true;
  }
  /// Whoever tried it will not say what came of it.
  void forget_try() { trying_ = false; }

 private:
  int64_t failures_ = 0, again_ms_ = 0;
  bool trying_ = false;
};

}  // namespace causeway
