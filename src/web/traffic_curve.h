// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "web/view.h"

namespace causeway {

/// Bytes and byte rates of a run over time, in a bounded number of points. What is kept is sums,
/// so that dropping every second point loses no byte: the rate between two neighbours is then their
/// mean over the longer time.
class TrafficCurve {
 public:
  struct Point {
    double at_s = 0;  ///< since the hub started
    int64_t up_bytes = 0, down_bytes = 0, ddp_bytes = 0;
    double up_bytes_per_s = 0, down_bytes_per_s = 0;  ///< since the point before; first: 0
  };
  struct Change {
    bool whole = false;         ///< the points replace all that were there before
    std::vector<Point> points;  ///< ascending; else they follow those before
  };

  /// Keeps up to `points_max` >= 2 points, at first one a second.
  explicit TrafficCurve(size_t points_max) : points_max_(points_max) {}

  /// Views come in order of time; one that does not is passed over.
  void add(const HubView& view);
  Change whole() const;
  /// What is new since the last call; whole if points were dropped.
  Change take_change();

 private:
  Point point(size_t i) const;

  size_t points_max_;
  double interval_s_ = 1;
  std::vector<Point> sums_;  // without rates
  size_t told_ = 0;          // points that take_change has handed out
  bool thinned_ = false;
};

}  // namespace causeway
