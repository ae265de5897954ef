// SPDX-License-Identifier: Apache-2.0
#include "core/dct.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace causeway {
namespace {

TEST(Dct, IsTheCosineOfTheDefinition) {
  for (const int64_t n : {1, 2, 3, 8, 64, 257}) {
    const Dct dct(n);
    for (int64_t k = 0; k < n; ++k)
      for (int64_t i = 0; i < n; ++i) {
        const double angle = std::numbers::pi * static_cast<double>((2 * i + 1) * k) /
                             (2.0 * static_cast<double>(n));
        const double scale = std::sqrt((k == 0 ? 1.0 : 2.0) / static_cast<double>(n));
        // libm's argument is rounded: its error grows with the angle.
        EXPECT_NEAR(dct(k, i), scale * std::cos(angle), 1e-15 * (1 + angle)) << n << " " << k;
      }
  }
}

TEST(Dct, IsOrthonormal) {
  constexpr int64_t kLength = 96;
  const Dct dct(kLength);
  for (int64_t a = 0; a < kLength; ++a)
    for (int64_t b = 0; b < kLength; ++b) {
      double sum = 0;
      for (int64_t i = 0; i < kLength; ++i) sum += dct(a, i) * dct(b, i);
      EXPECT_NEAR(sum, a == b ? 1 : 0, 1e-14);
    }
}

TEST(Dct, RowsAreTheValues) {
  for (const int64_t n : {1, 2, 7, 64}) {
    const Dct dct(n);
    const auto matrix = dct_matrix(n);
    for (int64_t k = 0; k < n; ++k)
      for (int64_t i = 0; i < n; ++i)
        EXPECT_EQ(matrix[static_cast<size_t>(k * n + i)], static_cast<float>(dct(k, i)));
  }
}

TEST(Dct, BasisIsTheFirstRowsTurned) {
  const auto matrix = dct_matrix(5);
  std::vector<float> basis(11, 7);
  dct_basis(5, 2, basis);
  for (size_t i = 0; i < 5; ++i)
    for (size_t j = 0; j < 2; ++j) EXPECT_EQ(basis[i * 2 + j], matrix[j * 5 + i]);
  EXPECT_EQ(basis[10], 7);
}

}  // namespace
}  // namespace causeway
