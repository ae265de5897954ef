// SPDX-License-Identifier: Apache-2.0
#include "record/curve.h"

namespace causeway {

void Curve::add(int64_t step, double value) {
  if (!points_.empty() && points_.back().count < values_per_point_) {
    Point& open = points_.back();
    open = {step, open.sum + value, value, open.count + 1};
    return;
  }
  if (points_.size() == kPointsMax) {
    for (size_t i = 0; i < kPointsMax / 2; ++i) {
      const Point &a = points_[2 * i], &b = points_[2 * i + 1];
      points_[i] = {b.step, a.sum + b.sum, b.last, a.count + b.count};
    }
    points_.resize(kPointsMax / 2);
    values_per_point_ *= 2;
  }
  points_.push_back({step, value, value, 1});
}

std::vector<std::pair<int64_t, double>> Curve::points() const {
  std::vector<std::pair<int64_t, double>> points;
  points.reserve(points_.size());
  for (const Point& p : points_)
    points.emplace_back(p.step,
                        join_ == Join::kMean ? p.sum / static_cast<double>(p.count) : p.last);
  return points;
}

}  // namespace causeway
