// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace causeway {

/// A mean and half of its 95 % confidence interval.
struct Interval {
  double mean = 0;
  double half = 0;  ///< infinite of a single value
  int64_t count = 0;

  double low() const { return mean - half; }
  double high() const { return mean + half; }
};

/// Of independent values, by Student's t. All zero of none; not finite if a value is not.
Interval interval_of(std::span<const double> values);

/// Of a - b, value by value: the same seed of two methods. Sizes are equal.
Interval paired_difference(std::span<const double> a, std::span<const double> b);

/// "1.2345 ± 0.0012"; "1.2345" of a single value; "diverged" if it is not finite.
std::string interval_text(const Interval& interval, int digits = 4);

}  // namespace causeway
