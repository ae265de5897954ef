// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/element.h"

namespace causeway {

/// The sum of term(i) for i below `count`, in 32 partial sums, which the compiler can keep in
/// vectors without changing any rounding.
template <class Sum, class Term>
Sum sum_of(int64_t count, const Term& term) {
  constexpr int64_t kLanes = 32;
  Sum lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  for (int64_t lane = 0; i < count; ++i, ++lane) lanes[lane] += term(i);
  for (int64_t width = kLanes / 2; width > 0; width /= 2)
    for (int64_t lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  return lanes[0];
}

template <class A, class B>
Wide<A> dot(const A* a, const B* b, int64_t count) {
  using Sum = Wide<A>;
  return sum_of<Sum>(count,
                     [=](int64_t i) { return static_cast<Sum>(a[i]) * static_cast<Sum>(b[i]); });
}

}  // namespace causeway
