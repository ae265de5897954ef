// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace causeway {

/// The loss of one site over its steps, of any length and from any number of workers in any order,
/// in a bounded number of points: a point is the mean of a window of steps, and when there would be
/// too many, the windows become twice as wide and neighbours join. Every value counts alike.
class SiteCurve {
 public:
  struct Point {
    int64_t step = 0;  ///< the last of the window that has a value
    double mean = 0;
  };
  struct Change {
    bool whole = false;         ///< the points replace all that were there before
    std::vector<Point> points;  ///< ascending; else each replaces that of its window, or is new
    int64_t window_steps = 1;   ///< step s lies in window (s - 1) / window_steps
  };

  /// Keeps up to `points_max` >= 2 points.
  explicit SiteCurve(size_t points_max) : points_max_(points_max) {}

  /// Passes over what is not finite and steps below 1.
  void add(int64_t step, double value);
  Change whole() const;
  /// What is new since the last call; whole if windows were joined.
  Change take_change();

 private:
  struct Window {
    int64_t step = 0, count = 0;
    double sum = 0;
  };
  void join();

  size_t points_max_;
  int64_t window_steps_ = 1;
  std::map<int64_t, Window> windows_;
  std::set<int64_t> changed_;
  bool joined_ = false;
};

}  // namespace causeway
