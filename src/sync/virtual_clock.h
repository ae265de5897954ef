// SPDX-License-Identifier: Apache-2.0
//
// A virtual clock for workers of unequal speed. A step of the run is a tick; a worker of speed s
// finishes a step of its own in s of all ticks, evenly, and rests in the others. So which workers
// have finished how much by which tick is a pure function, and asynchronous methods keep the same
// bits in every run.
#pragma once

#include <cstdint>
#include <vector>

#include "core/check.h"

namespace causeway {

class VirtualClock {
 public:
  VirtualClock() = default;
  /// In (0, 1], one for each worker.
  explicit VirtualClock(std::vector<double> speeds) : speeds_(std::move(speeds)) {
    for (const double speed : speeds_) CW_CHECK(speed > 0 && speed <= 1, "a speed of {}", speed);
  }

  int32_t workers() const { return static_cast<int32_t>(speeds_.size()); }
  /// Steps that a worker has finished of its own after so many ticks. Workers beyond those given
  /// have speed 1.
  int64_t steps(int32_t worker, int64_t ticks) const {
    const auto index = static_cast<size_t>(worker);
    if (index >= speeds_.size() || speeds_[index] == 1) return ticks;
    // Products of a double and a whole number below 2^53 round alike everywhere.
    return static_cast<int64_t>(speeds_[index] * static_cast<double>(ticks) + 1e-9);
  }
  /// True if the worker trains in the tick that ends as number `tick` = 1, 2, ...
  bool trains(int32_t worker, int64_t tick) const {
    return steps(worker, tick) > steps(worker, tick - 1);
  }
  /// True if it then finishes a stretch of `period` steps of its own.
  bool arrives(int32_t worker, int64_t tick, int64_t period) const {
    return trains(worker, tick) && steps(worker, tick) % period == 0;
  }
  bool even() const {
    for (const double speed : speeds_)
      if (speed != 1) return false;
    return true;
  }

 private:
  std::vector<double> speeds_;
};

}  // namespace causeway
