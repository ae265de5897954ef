// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::Pair;

const std::vector<double> kQuorumSpeeds{1, 0.5};

std::map<int64_t, std::vector<int32_t>> quorum_firings(const std::string& options, int64_t last) {
  return ToyGroup("quorum", "stretch = 2\n" + options, kQuorumSpeeds).firings(last);
}

// The fast worker is ready at 2, 4, 6, ...; the slow one at 4, 8, 12.
TEST(QuorumGroup, FiresWhenEnoughAreReady) {
  EXPECT_THAT(quorum_firings("count = 2", 8),
              ElementsAre(Pair(4, ElementsAre(0, 1)), Pair(8, ElementsAre(0, 1))));
  EXPECT_THAT(
      quorum_firings("count = 1", 6),
      ElementsAre(Pair(2, ElementsAre(0)), Pair(4, ElementsAre(0, 1)), Pair(6, ElementsAre(0))));
}

TEST(QuorumGroup, WantsNoMoreThanThereAre) {
  EXPECT_EQ(quorum_firings("count = 9", 12), quorum_firings("count = 2", 12));
}

TEST(QuorumGroup, WaitsAGraceForOthers) {
  EXPECT_THAT(quorum_firings("count = 1\ngrace = 1", 9),
              ElementsAre(Pair(3, ElementsAre(0)), Pair(5, ElementsAre(0, 1)),
                          Pair(7, ElementsAre(0)), Pair(9, ElementsAre(0, 1))));
  EXPECT_THAT(quorum_firings("count = 1\ngrace = 2", 8),
              ElementsAre(Pair(4, ElementsAre(0, 1)), Pair(8, ElementsAre(0, 1))));
}

TEST(QuorumGroup, LeavesAGapBetweenRounds) {
  EXPECT_THAT(
      quorum_firings("count = 1\ngap = 3", 8),
      ElementsAre(Pair(2, ElementsAre(0)), Pair(5, ElementsAre(0, 1)), Pair(8, ElementsAre(0, 1))));
  EXPECT_EQ(ToyGroup("quorum", "gap = 3", kQuorumSpeeds).group->least_gap(), 3);
}

TEST(QuorumGroup, ShiftsByAPhaseOfOwnSteps) {
  EXPECT_THAT(
      quorum_firings("count = 1\nphase = 1", 7),
      ElementsAre(Pair(1, ElementsAre(0)), Pair(2, ElementsAre(1)), Pair(3, ElementsAre(0)),
                  Pair(5, ElementsAre(0)), Pair(6, ElementsAre(1)), Pair(7, ElementsAre(0))));
}

}  // namespace
}  // namespace causeway
