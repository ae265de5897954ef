// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

TEST(DgcFeedback, KeepsMomentumOfWhatWaits) {
  ToyFeedback dgc("dgc", "momentum = 0.5", 3);
  EXPECT_THAT(dgc.prepare({4, -2, 1}), ElementsAre(4, -2, 1));
  dgc.settle({4, 0, 0});
  // Both are zero where it was sent.
  EXPECT_THAT(dgc.kept("dgc_u"), ElementsAre(0, -2, 1));
  EXPECT_THAT(dgc.kept("dgc_w"), ElementsAre(0, -2, 1));
  // u = u/2 + g, w = w + u.
  EXPECT_THAT(dgc.prepare({1, 1, 1}), ElementsAre(1, -2, 2.5F));
  dgc.settle({0, -2, 0});
  EXPECT_THAT(dgc.kept("dgc_u"), ElementsAre(1, 0, 1.5F));
  EXPECT_THAT(dgc.kept("dgc_w"), ElementsAre(1, 0, 2.5F));
}

TEST(DgcFeedback, ChangesNothingUntilTheOfferWasFolded) {
  ToyFeedback dgc("dgc", "momentum = 0.5", 2);
  dgc.prepare({4, -2});
  EXPECT_THAT(dgc.prepare({1, 1}), ElementsAre(1, 1));
  EXPECT_THAT(dgc.kept("dgc_u"), ElementsAre(0, 0));
}

TEST(DgcFeedback, ClipsTheWorkersOwnGradient) {
  ToyFeedback dgc("dgc", "local_clip = 1.0", 2);
  EXPECT_THAT(dgc.prepare({3, -4}), ElementsAre(FloatNear(0.6F, 1e-6F), FloatNear(-0.8F, 1e-6F)));
  EXPECT_THAT(dgc.prepare({0.3F, -0.4F}), ElementsAre(0.3F, -0.4F));
}

}  // namespace
}  // namespace causeway
