// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace causeway {

/// Lets through so many bytes a second, with a tenth of a second's worth at once after a pause.
/// Pure: whoever asks says what time it is. One thread at a time.
class Pacer {
 public:
  static constexpr int64_t kBurstNs = 100'000'000;

  /// 0 or less: as many as like to.
  explicit Pacer(double bytes_per_s) : bytes_per_s_(bytes_per_s) {}

  bool limits() const { return bytes_per_s_ > 0; }
  /// Most that should pass at a time, always the same: a fiftieth of a second's worth, so that
  /// pauses are short and many; at least 1 KiB.
  size_t piece_bytes_max() const;
  void spent(int64_t now_ns, int64_t bytes);
  /// Until more may pass; 0: now.
  int64_t wait_ns(int64_t now_ns) const;

 private:
  double bytes_per_s_;
  int64_t free_ns_ = INT64_MIN;  // when all that was spent is paid for
};

}  // namespace causeway
