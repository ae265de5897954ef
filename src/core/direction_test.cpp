// SPDX-License-Identifier: Apache-2.0
#include "core/direction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/coin.h"

namespace causeway {
namespace {

std::vector<float> direction(uint64_t seed, int64_t step, int32_t worker, int64_t begin,
                             size_t count) {
  std::vector<float> out(count);
  fill_direction(seed, step, worker, begin, out);
  return out;
}

TEST(Direction, IsTheSameHoweverItIsCut) {
  const auto whole = direction(7, 3, 2, 0, 1000);
  for (const int64_t begin : {0, 1, 63, 64, 65, 500, 999}) {
    const auto part = direction(7, 3, 2, begin, 1000 - static_cast<size_t>(begin));
    EXPECT_TRUE(std::ranges::equal(part, std::span(whole).subspan(static_cast<size_t>(begin))));
  }
  for (const float value : whole) EXPECT_EQ(std::abs(value), 1);
}

// Two directions of 4096 values that have nothing to do with each other have a product of about
// 64 = sqrt(4096); so has each with one moved by a step of 64.
TEST(Direction, OfAnotherSeedStepWorkerOrPlaceIsAnother) {
  const size_t count = 4096;
  const auto base = direction(7, 3, 2, 0, count);
  const std::vector<float> ones(count, 1);
  for (const auto& other : {ones, direction(8, 3, 2, 0, count), direction(7, 4, 2, 0, count),
                            direction(7, 3, 1, 0, count), direction(7, 3, 2, 64, count),
                            direction(7, 3, 2, 1, count)}) {
    double product = 0;
    for (size_t i = 0; i < count; ++i) product += double{base[i]} * double{other[i]};
    EXPECT_LT(std::abs(product), 320);
  }
}

TEST(Coin, ShowsAnchorAsOftenAsItShould) {
  int anchors = 0, changes = 0;
  for (int64_t round = 0; round < 4000; ++round) {
    const bool now = is_anchor(1, round, 3, 0.3);
    anchors += now;
    changes += now != is_anchor(1, round, 4, 0.3);
    EXPECT_FALSE(is_anchor(1, round, 3, 0));
    EXPECT_TRUE(is_anchor(1, round, 3, 1));
  }
  EXPECT_NEAR(anchors, 1200, 120);
  EXPECT_NEAR(changes, 4000 * 2 * 0.3 * 0.7, 160);
}

}  // namespace
}  // namespace causeway
