// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace causeway {

/// A curve of any length in at most 2,000 points: when it is full, neighbours are joined and from
/// then on twice as many values go into each point.
class Curve {
 public:
  enum class Join : uint8_t {
    kMean,  ///< a point is the mean of its values, for losses
    kLast,  ///< a point is its last value, for what is summed up already
  };
  static constexpr size_t kPointsMax = 2000;

  explicit Curve(Join join) : join_(join) {}

  /// Adds a value at `step`, which does not go down.
  void add(int64_t step, double value);
  /// Steps and values. A point lies at the last step that went into it.
  std::vector<std::pair<int64_t, double>> points() const;

 private:
  struct Point {
    int64_t step = 0;
    double sum = 0, last = 0;
    int64_t count = 0;
  };

  Join join_;
  std::vector<Point> points_;
  int64_t values_per_point_ = 1;
};

}  // namespace causeway
