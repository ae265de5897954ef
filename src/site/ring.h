// SPDX-License-Identifier: Apache-2.0
//
// A sum in a ring (Patarasuk, Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of
// workstations"): the values are cut into as many parts as there are processes. In size - 1 steps
// each part travels once around and every process adds its own values to it; then one process has
// its whole sum, and in size - 1 more steps that travels around as it is. So each element is added
// up in one place and one order, and copied: all have the same bits, and they depend on the values,
// their number and the size of the group alone.
//
// Departs from it in that parts are cut into segments, each a transfer of its own, so that a
// process adds one segment while the next one is on its way.
#pragma once

#include <cstdint>

#include "core/check.h"

namespace causeway::site {

/// A stretch of the values; may be empty.
struct Stretch {
  int64_t begin = 0, count = 0;
};

/// What one process sends and receives, transfer by transfer. Pure.
class RingSchedule {
 public:
  struct Options {
    int64_t count = 0;    ///< values
    int32_t size = 2;     ///< processes, at least 2
    int32_t rank = 0;     ///< this one
    int64_t segment = 1;  ///< values in a transfer, at most
  };
  explicit RingSchedule(const Options& options);

  int64_t transfers() const { return 2 * (options_.size - 1) * segments_; }
  /// To the next process. May start once what transfer - segments() received is in place.
  Stretch sent(int64_t transfer) const { return stretch(options_.rank, transfer); }
  /// From the previous process, whose `sent` of this transfer it is.
  Stretch received(int64_t transfer) const { return stretch(options_.rank - 1, transfer); }
  /// Whether what is received is added to what is there, or replaces it.
  bool adds(int64_t transfer) const { return transfer < (options_.size - 1) * segments_; }
  int64_t segments() const { return segments_; }

 private:
  Stretch stretch(int32_t sender, int64_t transfer) const;

  Options options_;
  int64_t segments_;
};

}  // namespace causeway::site
