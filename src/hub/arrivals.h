// SPDX-License-Identifier: Apache-2.0
//
// How long a round waits. Fixed deadlines are wrong both ways; this one follows what was seen:
// median + k MAD (median absolute deviation) of the time from a round's opening to an offer's
// arrival, which one slow member cannot move. The MAD counts as at least 5 % of the median.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "core/heap_bytes.h"

namespace causeway {

class Arrivals {
 public:
  struct Limits {
    int64_t ms_min = 0, ms_max = 0;
    double mads = 6;
  };
  explicit Arrivals(Limits limits) : limits_(limits) {}

  /// An offer came so long after its round was opened, in time or not.
  void add(int64_t ms);
  /// From the opening: ms_max until a few offers were seen.
  int64_t deadline_ms() const;
  /// What it holds of the heap: the last arrivals, at most 64.
  int64_t memory_bytes() const { return heap_bytes(seen_); }

 private:
  static constexpr size_t kSeenMax = 64, kSeenMin = 3;
  const Limits limits_;
  std::deque<int64_t> seen_;
};

}  // namespace causeway
