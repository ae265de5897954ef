// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/paced_group.h"
#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// The fast worker ends a stretch of two steps at 2, 4, 6, ...; the slow one at 4, 8, 12.
TEST(BufferGroup, FiresWhenSoManyStretchesAreFinished) {
  const std::vector<double> speeds{1, 0.5};
  EXPECT_THAT(ToyGroup("buffer", "size = 1\nstretch = 2", speeds).firings(8),
              ElementsAre(Pair(2, ElementsAre(0)), Pair(4, ElementsAre(0, 1)),
                          Pair(6, ElementsAre(0)), Pair(8, ElementsAre(0, 1))));
  EXPECT_THAT(ToyGroup("buffer", "size = 2\nstretch = 2", speeds).firings(12),
              ElementsAre(Pair(4, ElementsAre(0, 1)), Pair(8, ElementsAre(0, 1)),
                          Pair(12, ElementsAre(0, 1))));
  // One worker's stretches count each: at 2, 4 (two), 6, 8 (two).
  EXPECT_THAT(ToyGroup("buffer", "size = 4\nstretch = 2", speeds).firings(8),
              ElementsAre(Pair(6, ElementsAre(0, 1))));
}

TEST(BufferGroup, OfEvenWorkersFiresEveryStretch) {
  EXPECT_THAT(ToyGroup("buffer", "size = 3\nstretch = 5", {1, 1, 1}).firings(12),
              ElementsAre(Pair(5, ElementsAre(0, 1, 2)), Pair(10, ElementsAre(0, 1, 2))));
}

TEST(BufferGroup, AnswersAlikeInAnyOrderOfAsking) {
  const ToyGroup forwards("buffer", "size = 2\nstretch = 2", {1, 0.5, 0.3});
  const ToyGroup backwards("buffer", "size = 2\nstretch = 2", {1, 0.5, 0.3});
  EXPECT_THAT(backwards.group->members(backwards.at(31)), IsEmpty());
  EXPECT_EQ(backwards.firings(40), forwards.firings(40));
  EXPECT_FALSE(forwards.group->fires(PacedGroup::kTicksMax + 1));
}

// One step in odd ticks, two in even ones.
TEST(BufferGroup, OfSingleStepsFiresWhenAllTogetherHaveTrainedEnough) {
  const std::vector<double> speeds{1, 0.5};
  EXPECT_THAT(
      ToyGroup("buffer", "stretch = 1\nsize = 1", speeds).firings(3),
      ElementsAre(Pair(1, ElementsAre(0)), Pair(2, ElementsAre(0, 1)), Pair(3, ElementsAre(0))));
  EXPECT_THAT(ToyGroup("buffer", "stretch = 1\nsize = 3", speeds).firings(6),
              ElementsAre(Pair(2, ElementsAre(0, 1)), Pair(4, ElementsAre(0, 1)),
                          Pair(6, ElementsAre(0, 1))));
  EXPECT_THAT(ToyGroup("buffer", "stretch = 1\nsize = 4", speeds).firings(9),
              ElementsAre(Pair(3, ElementsAre(0, 1)), Pair(6, ElementsAre(0, 1)),
                          Pair(9, ElementsAre(0, 1))));
}

}  // namespace
}  // namespace causeway
