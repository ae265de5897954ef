// SPDX-License-Identifier: Apache-2.0
#include "core/clock.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

TEST(ManualClock, StandsStillUntilItIsMoved) {
  ManualClock clock;
  EXPECT_EQ(clock.now_ns(), 0);
  clock.advance_ns(2'500'000);
  EXPECT_EQ(clock.now_ns(), 2'500'000);
  EXPECT_EQ(clock.unix_ms(), 2);
  clock.advance_ns(1);
  EXPECT_EQ(clock.now_ns(), 2'500'001);
}

TEST(SystemClock, NeverGoesBackAndCountsMillisecondsFrom1970) {
  const SystemClock clock;
  int64_t before = clock.now_ns();
  for (int i = 0; i < 1000; ++i) {
    const int64_t now = clock.now_ns();
    EXPECT_GE(now, before);
    before = now;
  }
  // Between the years 2020 and 2200.
  EXPECT_GT(clock.unix_ms(), 1'577'836'800'000);
  EXPECT_LT(clock.unix_ms(), 7'258'118'400'000);
}

}  // namespace
}  // namespace causeway
