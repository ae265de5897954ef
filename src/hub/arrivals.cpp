// SPDX-License-Identifier: Apache-2.0
#include "hub/arrivals.h"

#include <algorithm>
#include <cmath>
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
  // A few arrivals that happen to be alike say little of how far the next one may be off.
  const double deviation = std::max(static_cast<double>(median(std::move(spread))),
                                    kSpreadMin * static_cast<double>(center));
  const double after = static_cast<double>(center) + limits_.mads * deviation;
  return std::clamp<int64_t>(std::llround(after), limits_.ms_min, limits_.ms_max);
}

}  // namespace causeway
