// SPDX-License-Identifier: Apache-2.0
#include "hub/arrivals.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

TEST(Arrivals, WaitsTheLongestUntilAFewWereSeen) {
  Arrivals arrivals({100, 9000, 6});
  EXPECT_EQ(arrivals.deadline_ms(), 9000);
  arrivals.add(500);
  arrivals.add(500);
  EXPECT_EQ(arrivals.deadline_ms(), 9000);
  arrivals.add(500);
  EXPECT_EQ(arrivals.deadline_ms(), 650) << "all alike: 6 times 5 % of the median above it";
}

// By hand: median of 900, 1000, 1100, 1000, 5000 is 1000; distances 100, 0, 100, 0, 4000: MAD 100.
TEST(Arrivals, OneSlowMemberDoesNotMoveTheDeadline) {
  Arrivals arrivals({100, 9000, 6});
  for (const int64_t ms : {900, 1000, 1100, 1000, 5000}) arrivals.add(ms);
  EXPECT_EQ(arrivals.deadline_ms(), 1600);
}

TEST(Arrivals, FollowsWhenAllBecomeSlow) {
  Arrivals arrivals({100, 9000, 6});
  for (int i = 0; i < 64; ++i) arrivals.add(500);
  for (int i = 0; i < 40; ++i) arrivals.add(3000);
  EXPECT_GE(arrivals.deadline_ms(), 3000);
}

TEST(Arrivals, KeepsToFloorAndCeiling) {
  Arrivals fast({200, 9000, 6}), slow({200, 9000, 6});
  for (int i = 0; i < 5; ++i) {
    fast.add(3);
    slow.add(50'000);
  }
  EXPECT_EQ(fast.deadline_ms(), 200);
  EXPECT_EQ(slow.deadline_ms(), 9000);
}

}  // namespace
}  // namespace causeway
