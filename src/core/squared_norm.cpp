// SPDX-License-Identifier: Apache-2.0
#include "core/squared_norm.h"

#include <array>
#include <cstddef>

#include "core/check.h"

namespace causeway {
namespace {

/// The sum of the squares of value(0) ... value(size - 1).
template <class ValueAt>
double sum_of_squares(size_t size, const ValueAt& value) {
  constexpr size_t kLanes = 8;
  std::array<double, kLanes> lanes{};
  const auto square = [&](size_t i) { return value(i) * value(i); };
  const size_t whole = size - size % kLanes;
  for (size_t i = 0; i < whole; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += square(i + lane);
  for (size_t i = whole; i < size; ++i) lanes[i - whole] += square(i);
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

}  // namespace

double squared_norm(std::span<const float> values) {
  return sum_of_squares(values.size(), [&](size_t i) { return double{values[i]}; });
}

double squared_distance(std::span<const float> a, std::span<const float> b) {
  CW_CHECK(a.size() == b.size(), "{} and {} values", a.size(), b.size());
  return sum_of_squares(a.size(), [&](size_t i) { return double{a[i]} - double{b[i]}; });
}

}  // namespace causeway
