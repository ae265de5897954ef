// SPDX-License-Identifier: Apache-2.0
#include "sync/virtual_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway {
namespace {

using testing::ElementsAre;

std::vector<int64_t> training_ticks(const VirtualClock& clock, int32_t worker, int64_t last) {
  std::vector<int64_t> out;
  for (int64_t tick = 1; tick <= last; ++tick)
    if (clock.trains(worker, tick)) out.push_back(tick);
  return out;
}

TEST(VirtualClock, SpreadsAWorkersStepsOverTheTicks) {
  const VirtualClock clock({1, 0.5, 0.75, 0.3});
  EXPECT_THAT(training_ticks(clock, 0, 4), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(training_ticks(clock, 1, 8), ElementsAre(2, 4, 6, 8));
  EXPECT_THAT(training_ticks(clock, 2, 8), ElementsAre(2, 3, 4, 6, 7, 8));
  EXPECT_THAT(training_ticks(clock, 3, 10), ElementsAre(4, 7, 10));
  EXPECT_THAT(training_ticks(clock, 4, 2), ElementsAre(1, 2));  // not given
}

TEST(VirtualClock, MakesAtMostOneStepATickAndKeepsPace) {
  for (const double speed : {1.0, 0.999, 0.7, 1.0 / 3, 0.1, 0.01}) {
    const VirtualClock clock({speed});
    int64_t steps = 0;
    for (int64_t tick = 1; tick <= 3000; ++tick) {
      steps += clock.trains(0, tick) ? 1 : 0;
      ASSERT_EQ(clock.steps(0, tick), steps) << speed;
      ASSERT_LE(static_cast<double>(steps), speed * static_cast<double>(tick) + 1e-6);
      ASSERT_GT(static_cast<double>(steps), speed * static_cast<double>(tick) - 1);
    }
  }
  // Products that fall just short of a whole number.
  EXPECT_EQ(VirtualClock({0.29}).steps(0, 100), 29);
  EXPECT_EQ(VirtualClock({0.57}).steps(0, 100), 57);
}

TEST(VirtualClock, ArrivesWhereAStretchEnds) {
  const VirtualClock clock({1, 0.5});
  std::vector<int64_t> fast, slow;
  for (int64_t tick = 1; tick <= 12; ++tick) {
    if (clock.arrives(0, tick, 3)) fast.push_back(tick);
    if (clock.arrives(1, tick, 3)) slow.push_back(tick);
  }
  EXPECT_THAT(fast, ElementsAre(3, 6, 9, 12));
  EXPECT_THAT(slow, ElementsAre(6, 12));  // and not in tick 7, where it rests
}

TEST(VirtualClock, IsEvenIfAllAreOfSpeedOne) {
  EXPECT_TRUE(VirtualClock().even());
  EXPECT_TRUE(VirtualClock({1, 1}).even());
  EXPECT_FALSE(VirtualClock({1, 0.5}).even());
  EXPECT_DEATH(VirtualClock({0}), "a speed of 0");
  EXPECT_DEATH(VirtualClock({1.5}), "a speed of 1.5");
}

}  // namespace
}  // namespace causeway
