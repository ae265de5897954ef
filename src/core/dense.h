// SPDX-License-Identifier: Apache-2.0
//
// Loops over vectors of doubles, in a fixed order of summation. Call them within with_simd.
#pragma once

#include <cstdint>

namespace causeway::dense {

/// Sum of products: pair i goes to lane i mod 8, and the lanes are added pairwise.
inline double dot(const double* __restrict a, const double* __restrict b, int64_t count) {
  constexpr int64_t kLanes = 8;
  double lanes[kLanes] = {};
  const int64_t whole = count - count % kLanes;
  for (int64_t i = 0; i < whole; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  for (int64_t i = whole; i < count; ++i) lanes[i - whole] += a[i] * b[i];
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/// to += factor * from.
inline void add(double factor, const double* __restrict from, double* __restrict to,
                int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

}  // namespace causeway::dense
