// SPDX-License-Identifier: Apache-2.0
#include "lab/rate_sweep.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace causeway {

RateSweep::RateSweep(double first, int64_t tries_max) : first_(first), tries_max_(tries_max) {
  CW_CHECK(first > 0 && tries_max >= 3, "first rate {}, {} tries", first, tries_max);
}

std::optional<double> RateSweep::next() const {
  if (told_.empty()) return first_;
  if (told_.size() == 1) return 2 * first_;
  if (told_.size() == 2) return first_ / 2;
  if (std::ssize(told_) >= tries_max_) return {};
  const auto [low, high] =
      std::ranges::minmax_element(told_, {}, [](const auto& one) { return one.first; });
  const double rate = best();
  if (rate == high->first) return 2 * rate;
  if (rate == low->first) return rate / 2;
  return {};
}

void RateSweep::tell(double loss) {
  const auto rate = next();
  CW_CHECK(rate.has_value(), "the sweep is at its end");
  told_.emplace_back(*rate, loss);
}

double RateSweep::best() const {
  double rate = first_, least = std::numeric_limits<double>::infinity();
  bool any = false;
  double lowest = first_;
  for (const auto& [tried, loss] : told_) {
    lowest = std::min(lowest, tried);
    if (!(loss < least)) continue;
    rate = tried;
    least = loss;
    any = true;
  }
  return any ? rate : lowest;  // All diverged: less is the way.
}

}  // namespace causeway
