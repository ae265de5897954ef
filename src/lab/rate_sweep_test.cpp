// SPDX-License-Identifier: Apache-2.0
#include "lab/rate_sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

namespace causeway {
namespace {

using testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> rates_tried(RateSweep& sweep, const std::function<double(double)>& loss) {
  std::vector<double> out;
  while (const auto rate = sweep.next()) {
    out.push_back(*rate);
    sweep.tell(loss(*rate));
  }
  return out;
}

/// A parabola over the logarithm of the rate.
std::function<double(double)> least_at(double rate) {
  return [rate](double one) { return std::pow(std::log2(one / rate), 2); };
}

TEST(RateSweep, EndsWhereTheFirstRateIsBest) {
  RateSweep sweep(1, 7);
  EXPECT_THAT(rates_tried(sweep, least_at(1)), ElementsAre(1, 2, 0.5));
  EXPECT_EQ(sweep.best(), 1);
}

TEST(RateSweep, WalksUpAndDownUntilTheLossRises) {
  RateSweep up(1, 7), down(1, 7);
  EXPECT_THAT(rates_tried(up, least_at(4)), ElementsAre(1, 2, 0.5, 4, 8));
  EXPECT_EQ(up.best(), 4);
  EXPECT_THAT(rates_tried(down, least_at(0.25)), ElementsAre(1, 2, 0.5, 0.25, 0.125));
  EXPECT_EQ(down.best(), 0.25);
}

TEST(RateSweep, StopsAtItsMostTries) {
  RateSweep sweep(1, 5);
  EXPECT_THAT(rates_tried(sweep, least_at(1024)), ElementsAre(1, 2, 0.5, 4, 8));
  EXPECT_EQ(sweep.best(), 8);
}

TEST(RateSweep, LeavesRatesThatDiverge) {
  RateSweep sweep(1, 7);
  EXPECT_THAT(rates_tried(sweep, [](double rate) { return rate > 0.3 ? kInfinity : rate; }),
              ElementsAre(1, 2, 0.5, 0.25, 0.125, 0.0625, 0.03125));
  EXPECT_EQ(sweep.best(), 0.03125);
  RateSweep none(1, 4);
  rates_tried(none, [](double) { return kInfinity; });
  EXPECT_EQ(none.best(), 0.25) << "all diverged: the least";
}

TEST(RateSweepDeathTest, IsNotToldMoreThanItAsked) {
  RateSweep sweep(1, 3);
  rates_tried(sweep, least_at(1));
  EXPECT_DEATH(sweep.tell(1), "at its end");
}

}  // namespace
}  // namespace causeway
