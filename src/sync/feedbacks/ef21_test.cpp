// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::ElementsAre;

TEST(Ef21Feedback, SendsChangesOfWhatOthersKnow) {
  ToyFeedback ef21("ef21", "", 2);
  EXPECT_THAT(ef21.prepare({4, -2}), ElementsAre(4, -2));
  ef21.settle({4, 0});
  EXPECT_THAT(ef21.kept("h"), ElementsAre(4, 0));
  EXPECT_THAT(ef21.prepare({5, 1}), ElementsAre(1, 1));
}

TEST(Ef21Feedback, AddsTheMeansOfChangesUp) {
  ToyFeedback ef21("ef21", "", 2);
  EXPECT_TRUE(ef21.feedback->integrates());
  EXPECT_THAT(ef21.integrate({4, 0}), ElementsAre(4, 0));
  EXPECT_THAT(ef21.integrate({-1, 3}), ElementsAre(3, 3));
  EXPECT_THAT(ef21.kept("hbar"), ElementsAre(3, 3));
}

}  // namespace
}  // namespace causeway
