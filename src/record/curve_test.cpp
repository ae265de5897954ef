// SPDX-License-Identifier: Apache-2.0
#include "record/curve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(Curve, KeepsEveryPointOfAShortRun) {
  Curve curve(Curve::Join::kMean);
  curve.add(1, 4.0);
  curve.add(2, 3.0);
  EXPECT_THAT(curve.points(), ElementsAre(Pair(1, 4.0), Pair(2, 3.0)));
}

// Goal: a long run stays within the bound and loses nothing of the mean. The values are the steps,
// so the mean of all points, each weighted by its number of values, is known.
TEST(Curve, JoinsNeighboursWithoutChangingTheMean) {
  Curve curve(Curve::Join::kMean);
  constexpr int64_t kSteps = 64'000;  // 32 values a point in the end
  for (int64_t step = 1; step <= kSteps; ++step) curve.add(step, static_cast<double>(step));
  const auto points = curve.points();
  ASSERT_EQ(points.size(), Curve::kPointsMax);
  EXPECT_THAT(points.front(), Pair(32, 16.5));
  EXPECT_THAT(points.back(), Pair(kSteps, kSteps - 15.5));
}

TEST(Curve, OfSumsKeepsTheLastValue) {
  Curve curve(Curve::Join::kLast);
  for (int64_t step = 1; step <= 5000; ++step) curve.add(step, static_cast<double>(10 * step));
  const auto points = curve.points();
  EXPECT_LE(points.size(), Curve::kPointsMax);
  for (const auto& [step, value] : points) EXPECT_EQ(value, static_cast<double>(10 * step));
  EXPECT_EQ(points.back().first, 5000);
}

}  // namespace
}  // namespace causeway
