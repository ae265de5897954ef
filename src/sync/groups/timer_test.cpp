// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::Pair;

// The fast worker ends a stretch of two steps at 2, 4, 6, ...; the slow one at 4, 8, 12.
TEST(TimerGroup, FiresAtFixedTimesForWhoeverIsReady) {
  const std::vector<double> speeds{1, 0.5};
  EXPECT_THAT(ToyGroup("timer", "every = 3\nstretch = 2", speeds).firings(12),
              ElementsAre(Pair(3, ElementsAre(0)), Pair(6, ElementsAre(0, 1)),
                          Pair(9, ElementsAre(0, 1)), Pair(12, ElementsAre(0, 1))));
  EXPECT_THAT(ToyGroup("timer", "every = 2\nstretch = 4", speeds).firings(8),
              ElementsAre(Pair(4, ElementsAre(0)), Pair(8, ElementsAre(0, 1))));
}

TEST(TimerGroup, KeepsItsTimeBetweenFirings) {
  EXPECT_EQ(ToyGroup("timer", "every = 7\nstretch = 2", {1}).group->least_gap(), 7);
}

}  // namespace
}  // namespace causeway
