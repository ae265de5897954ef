// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::ElementsAre;

TEST(EfFeedback, ForgetsAPartOfWhatWasLost) {
  ToyFeedback ef("ef", "decay = 0.5", 2);
  EXPECT_THAT(ef.prepare({4, -2}), ElementsAre(4, -2));
  ef.settle({0, -1});
  EXPECT_THAT(ef.kept("residual"), ElementsAre(4, -1));
  EXPECT_THAT(ef.prepare({1, 1}), ElementsAre(3, 0.5F));
}

TEST(EfFeedback, MultipliesTheSignalAndNotTheDebt) {
  ToyFeedback ef("ef", "gain = 3.0", 2);
  EXPECT_THAT(ef.prepare({4, -2}), ElementsAre(12, -6));
  ef.settle({12, 0});
  EXPECT_THAT(ef.prepare({1, 1}), ElementsAre(3, -3));
}

}  // namespace
}  // namespace causeway
