// SPDX-License-Identifier: Apache-2.0
//
// Sums over a tensor, for rules that look at tensors whole. In double, from the first value on.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

namespace causeway {

inline double dot_of(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
  return sum;
}
inline double norm_of(std::span<const float> a) { return std::sqrt(dot_of(a, a)); }

/// out = sum of shares x rows.
inline void combine(std::span<const std::span<const float>> rows, std::span<const double> shares,
                    std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (size_t m = 0; m < rows.size(); ++m) sum += shares[m] * rows[m][i];
    out[i] = static_cast<float>(sum);
  }
}

/// Weights divided by their sum.
inline std::vector<double> shares_of(std::span<const int64_t> weights) {
  double total = 0;
  for (const int64_t weight : weights) total += static_cast<double>(weight);
  std::vector<double> out;
  for (const int64_t weight : weights) out.push_back(static_cast<double>(weight) / total);
  return out;
}

}  // namespace causeway
