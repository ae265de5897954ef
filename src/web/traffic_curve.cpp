// SPDX-License-Identifier: Apache-2.0
#include "web/traffic_curve.h"

#include <algorithm>
#include <utility>

namespace causeway {

void TrafficCurve::add(const HubView& view) {
  if (!sums_.empty() && !(view.now_s - sums_.back().at_s >= interval_s_)) return;
  sums_.push_back({view.now_s, view.up_bytes, view.down_bytes, view.ddp_bytes});
  if (sums_.size() <= points_max_) return;
  // The first and every second one stay.
  for (size_t i = 0; 2 * i < sums_.size(); ++i) sums_[i] = sums_[2 * i];
  sums_.resize((sums_.size() + 1) / 2);
  interval_s_ *= 2;
  thinned_ = true;
}

TrafficCurve::Point TrafficCurve::point(size_t i) const {
  Point point = sums_[i];
  if (i == 0) return point;
  const Point& before = sums_[i - 1];
  const double seconds = point.at_s - before.at_s;
  const auto rate = [&](int64_t bytes) {
    return static_cast<double>(std::max<int64_t>(bytes, 0)) / seconds;
  };
  point.up_bytes_per_s = rate(point.up_bytes - before.up_bytes);
  point.down_bytes_per_s = rate(point.down_bytes - before.down_bytes);
  return point;
}

TrafficCurve::Change TrafficCurve::whole() const {
  Change change{.whole = true};
  for (size_t i = 0; i < sums_.size(); ++i) change.points.push_back(point(i));
  return change;
}

TrafficCurve::Change TrafficCurve::take_change() {
  Change change;
  if (std::exchange(thinned_, false)) {
    change = whole();
  } else {
    for (size_t i = told_; i < sums_.size(); ++i) change.points.push_back(point(i));
  }
  told_ = sums_.size();
  return change;
}

}  // namespace causeway
