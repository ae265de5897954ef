// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::Pair;

// One step in odd ticks, two in even ones.
TEST(TargetGroup, FiresWhenAllTogetherHaveTrainedEnough) {
  const std::vector<double> speeds{1, 0.5};
  EXPECT_THAT(
      ToyGroup("target", "steps = 1", speeds).firings(3),
      ElementsAre(Pair(1, ElementsAre(0)), Pair(2, ElementsAre(0, 1)), Pair(3, ElementsAre(0))));
  EXPECT_THAT(ToyGroup("target", "steps = 3", speeds).firings(6),
              ElementsAre(Pair(2, ElementsAre(0, 1)), Pair(4, ElementsAre(0, 1)),
                          Pair(6, ElementsAre(0, 1))));
  EXPECT_THAT(ToyGroup("target", "steps = 4", speeds).firings(9),
              ElementsAre(Pair(3, ElementsAre(0, 1)), Pair(6, ElementsAre(0, 1)),
                          Pair(9, ElementsAre(0, 1))));
}

}  // namespace
}  // namespace causeway
