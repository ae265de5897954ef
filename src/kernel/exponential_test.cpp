// SPDX-License-Identifier: Apache-2.0
#include "kernel/exponential.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace causeway {
namespace {

// Method: steps of 0.00137 between the ends, against the C library in float64.
TEST(Exponential, IsExactToTwoTenMillionths) {
  for (double x = -87.2; x < 88.2; x += 0.00137) {
    const auto rounded = static_cast<float>(x);
    const double wanted = std::exp(static_cast<double>(rounded));
    ASSERT_NEAR(exponential(rounded), wanted, 2e-7 * wanted) << x;
  }
  EXPECT_EQ(exponential(0.0f), 1);
  EXPECT_EQ(exponential(-100.0f), 0);
  EXPECT_EQ(exponential(-std::numeric_limits<float>::infinity()), 0);
  EXPECT_GT(exponential(1000.0f), 2e38f);
  EXPECT_TRUE(std::isnan(exponential(std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace
}  // namespace causeway
