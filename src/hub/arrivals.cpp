// SPDX-License-Identifier: Apache-2.0
#include "hub/arrivals.h"

#include <algorithm>
#include <vector>

namespace causeway {
namespace {

constexpr double kSpreadMin = 0.05;  // of the median

int64_t median(std::vector<int64_t> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void Arrivals::add(int64_t ms) {
  seen_.push_back(ms);
  if (seen_.size() > kSeenMax) seen_.pop_front();
}

int64_t Arrivals::deadline_ms() const {
  if (seen_.size() < kSeenMin) return limits_.ms_max;
  const int64_t center = median({seen_.begin(), seen_.end()});
  std::vector<int64_t> spread;
  for (const int64_t ms : seen_) spread.push_back(ms < center ? center - ms : ms - center);
  const auto after =
      static_cast<double>(center) + limits_.mads * static_cast<double>(median(std::move(spread)));
  return std::clamp(static_cast<int64_t>(after), limits_.ms_min, limits_.ms_max);
}

}  // namespace causeway
