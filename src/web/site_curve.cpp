// SPDX-License-Identifier: Apache-2.0
#include "web/site_curve.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace causeway {

void SiteCurve::add(int64_t step, double value) {
  if (step < 1 || !std::isfinite(value)) return;
  const int64_t index = (step - 1) / window_steps_;
  Window& window = windows_[index];
  window.step = std::max(window.step, step);
  window.sum += value;
  ++window.count;
  changed_.insert(index);
  while (windows_.size() > points_max_) join();
}

void SiteCurve::join() {
  window_steps_ *= 2;
  std::map<int64_t, Window> joined;
  for (const auto& [index, window] : windows_) {
    Window& into = joined[index / 2];
    into.step = std::max(into.step, window.step);
    into.sum += window.sum;
    into.count += window.count;
  }
  windows_ = std::move(joined);
  changed_.clear();
  joined_ = true;
}

SiteCurve::Change SiteCurve::whole() const {
  Change change{.whole = true, .window_steps = window_steps_};
  for (const auto& [index, window] : windows_)
    change.points.push_back({window.step, window.sum / static_cast<double>(window.count)});
  return change;
}

SiteCurve::Change SiteCurve::take_change() {
  Change change{.window_steps = window_steps_};
  if (std::exchange(joined_, false)) {
    change = whole();
  } else {
    for (const int64_t index : changed_) {
      const Window& window = windows_.at(index);
      change.points.push_back({window.step, window.sum / static_cast<double>(window.count)});
    }
  }
  changed_.clear();
  return change;
}

}  // namespace causeway
