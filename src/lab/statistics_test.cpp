// SPDX-License-Identifier: Apache-2.0
#include "lab/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace causeway {
namespace {

TEST(Interval, IsStudentsOfWorkedExamples) {
  // Three values 1, 2, 3: deviation 1, standard error 1 / sqrt(3), t(2) = 4.303.
  const std::vector<double> three{1, 2, 3};
  const Interval one = interval_of(three);
  EXPECT_DOUBLE_EQ(one.mean, 2);
  EXPECT_NEAR(one.half, 4.303 / std::sqrt(3.0), 1e-12);
  EXPECT_EQ(one.count, 3);
  // Student's sleep data, drug 2 beside 1: mean difference 1.58, interval 0.70 to 2.46.
  const std::vector<double> a{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
  const std::vector<double> b{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
  const Interval difference = paired_difference(a, b);
  EXPECT_NEAR(difference.mean, 1.58, 1e-9);
  EXPECT_NEAR(difference.low(), 0.70, 0.005);
  EXPECT_NEAR(difference.high(), 2.46, 0.005);
}

TEST(Interval, SaysNothingOfOneValue) {
  const std::vector<double> one{2.5};
  EXPECT_EQ(interval_of(one).mean, 2.5);
  EXPECT_TRUE(std::isinf(interval_of(one).half));
  EXPECT_EQ(interval_text(interval_of(one), 2), "2.50");
  EXPECT_EQ(interval_of({}).count, 0);
}

TEST(Interval, OfManyComesNearTheNormalOne) {
  std::vector<double> many;
  for (int i = 0; i < 400; ++i) many.push_back(i % 2);
  EXPECT_NEAR(interval_of(many).half, 1.96 * 0.5 / 20, 1e-3);
}

TEST(Interval, TellsWhatDiverged) {
  const std::vector<double> values{1, std::numeric_limits<double>::infinity(), 2};
  EXPECT_EQ(interval_text(interval_of(values)), "diverged");
  const std::vector<double> fine{1.5, 1.5};
  EXPECT_EQ(interval_text(interval_of(fine), 3), "1.500 ± 0.000");
}

}  // namespace
}  // namespace causeway
