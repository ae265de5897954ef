// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aggregate/toy_fold.h"

namespace causeway {
namespace {

using testing::ElementsAre;

TEST(Senders, DivideAValueByWhoSentIt) {
  EXPECT_THAT(toy_fold("senders", {{3, 0, 0, 1}, {1, 5, 0, -1}, {2, 0, 0, 0}}, {1, 1, 1}),
              ElementsAre(2, 5, 0, 0));
  EXPECT_THAT(toy_fold("mean", {{3, 0, 0, 3}, {0, 6, 0, -3}, {0, 0, 0, 0}}, {1, 1, 1}),
              ElementsAre(1, 2, 0, 0));
}

TEST(Senders, CountByWeightAmongThemselves) {
  EXPECT_THAT(toy_fold("senders", {{4, 4}, {8, 0}, {0, 0}}, {3, 1, 900}), ElementsAre(5, 4));
}

TEST(Senders, AreTheMeanWhereAllSend) {
  const std::vector<std::vector<float>> rows{{0.1F, -7, 1e-30F}, {3.3F, 2, -5}, {1, 1, 1e30F}};
  EXPECT_EQ(toy_fold("senders", rows, {5, 7, 11}), toy_fold("mean", rows, {5, 7, 11}));
}

}  // namespace
}  // namespace causeway
