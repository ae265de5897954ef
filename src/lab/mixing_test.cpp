// SPDX-License-Identifier: Apache-2.0
#include "lab/mixing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lab/statistics.h"
#include "sync/simple_preset.h"

namespace causeway {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

Mixing grid(int64_t side, int64_t dimensions, int64_t peers) {
  int64_t places = 1;
  for (int64_t i = 0; i < dimensions; ++i) places *= side;
  return {"grid", plugin_with("grid", {{"side", side}, {"dimensions", dimensions}}), places, peers};
}

Mixing dealt(int64_t size, int64_t peers) {
  return {"dealt", plugin_with("pairs", {{"size", size}}), peers, peers};
}

/// Peer i has the value i.
PeerValues numbers(int64_t count) {
  PeerValues out;
  for (int64_t i = 0; i < count; ++i) out.push_back({static_cast<float>(i)});
  return out;
}

TEST(Mixing, AFullGridHasTheExactMeanAfterAsManyRoundsAsAxes) {
  for (const auto& [side, dimensions, peers] : {std::tuple{2, 3, 8}, {3, 2, 9}, {4, 3, 64}}) {
    const Mixing full = grid(side, dimensions, peers);
    const auto seen = variances_of(full, draw_peers(full, 32, 1), dimensions + 1, 1);
    for (int64_t round = 0; round < dimensions; ++round)
      EXPECT_GT(seen[static_cast<size_t>(round)], 1e-3) << side << " " << round;
    EXPECT_EQ(seen[static_cast<size_t>(dimensions)], 0) << side;
    EXPECT_EQ(seen.back(), 0) << side;
  }
}

// By hand: 0, 1, 2, 3 on a square, variance 1.25. Along the first axis 0 meets 2 and 1 meets 3:
// 1, 2, 1, 2, variance 0.25.
TEST(Mixing, MeetsAnExampleByHand) {
  EXPECT_DOUBLE_EQ(variance_of(numbers(4)), 1.25);
  EXPECT_THAT(variances_of(grid(2, 2, 4), numbers(4), 2, 1), ElementsAre(1, 0.2, 0));
  PeerValues peers = numbers(4);
  mix(grid(2, 2, 4), peers, 1, 1);
  EXPECT_EQ(peers, (PeerValues{{1}, {2}, {1}, {2}}));
  mix(grid(2, 2, 4), peers = numbers(4), 2, 1);
  EXPECT_EQ(peers, (PeerValues{{1.5}, {1.5}, {1.5}, {1.5}}));
}

TEST(Mixing, DealtGroupsShrinkTheVarianceAsWorkedOut) {
  for (const auto& [peers, size, groups] : {std::tuple{8, 2, 4}, {9, 3, 3}, {10, 4, 2}}) {
    std::vector<double> factors;
    for (uint64_t seed = 1; seed <= 20'000; ++seed)
      factors.push_back(variances_of(dealt(size, peers), numbers(peers), 1, seed)[1]);
    const Interval seen = interval_of(factors);
    EXPECT_LT(seen.half, 0.005);
    EXPECT_NEAR(seen.mean, dealt_factor(peers, groups), 2.5 * seen.half) << peers;  // 5 errors
    EXPECT_LT(seen.high(), moshpit_factor(peers, groups)) << peers;
  }
}

TEST(Mixing, TheFormulaOfMoshpitIsABound) {
  EXPECT_DOUBLE_EQ(dealt_factor(8, 4), 3.0 / 7);
  EXPECT_DOUBLE_EQ(moshpit_factor(8, 4), 3.0 / 8 + 4.0 / 64);
  EXPECT_EQ(dealt_factor(8, 1), 0);
  EXPECT_EQ(dealt_factor(8, 8), 1);
  for (int64_t groups = 1; groups <= 30; ++groups)
    EXPECT_LE(dealt_factor(30, groups), moshpit_factor(30, groups) * (1 + 1e-12)) << groups;
}

TEST(Mixing, WhoIsAbsentTakesNoPart) {
  const Mixing half = grid(4, 3, 32);
  const PeerValues peers = draw_peers(half, 8, 1);
  EXPECT_EQ(std::ranges::count_if(peers, [](const auto& values) { return !values.empty(); }), 32);
  EXPECT_NE(peers, draw_peers(half, 8, 2));
  // By hand: of the square only 0, 1 and 3 are there. 1 and 3 meet: 0, 2, 2; then 0 and 1: 1, 1, 2.
  const PeerValues three{{0}, {1}, {}, {3}};
  const double first = 14.0 / 9;
  EXPECT_DOUBLE_EQ(variance_of(three), first);
  EXPECT_THAT(
      variances_of(grid(2, 2, 3), three, 2, 1),
      ElementsAre(1, DoubleNear(8.0 / 9 / first, 1e-12), DoubleNear(2.0 / 9 / first, 1e-12)));
}

}  // namespace
}  // namespace causeway
