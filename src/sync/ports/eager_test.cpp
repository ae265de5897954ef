// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::Each;

/// A worker of two, whose anchor starts at 16; its outer optimizer takes deltas in full.
class EagerPort : public testing::Test {
 protected:
  EagerPort() : port_("eager", "optimizer = 'sgd'", {.workers = 2}) {
    set_x(16);
    port_.port->start(port_.region, port_.replica, port_.states);
  }
  void set_x(float value) { port_.fill("x", std::vector<float>(34, value)); }
  /// Ends a round with x so far below the anchor; the mean of the round before arrives.
  void end_round(float below, std::optional<float> mean, bool folded = true) {
    set_x(port_.kept("anchor").front() - below);
    port_.begin({.worker = 0, .workers = 2});
    if (mean)
      port_.apply({.worker = 0, .workers = 2, .folded = folded}, std::vector<float>(34, *mean));
  }
  float anchor() const {
    EXPECT_THAT(port_.kept("anchor"), Each(port_.kept("anchor").front()));
    return port_.kept("anchor").front();
  }
  float sent() const { return port_.offer({}).front(); }

  ToyPort port_;
};

TEST_F(EagerPort, TakesItsOwnDeltaAtOnceAndThatOfOthersLate) {
  end_round(4, {});
  EXPECT_EQ(anchor(), 16 - 4.0F / 2);  // nothing has come
  EXPECT_EQ(sent(), 4);
  EXPECT_EQ(port_.packed("x"), port_.kept("anchor"));
  end_round(2, 6);  // mean(last) + (2 - 4)/2
  EXPECT_EQ(anchor(), 14 - 5);
  EXPECT_EQ(sent(), 2);
  EXPECT_THAT(port_.kept("last_delta"), Each(2));
  end_round(1, 3);  // 3 + (1 - 2)/2
  EXPECT_EQ(anchor(), 9 - 2.5F);
}

TEST_F(EagerPort, AfterAnAbortedRoundNoDeltaCountsTwice) {
  end_round(4, {});  // anchor 14
  end_round(2, {});  // the round of 4 was aborted: x stays 2 below
  EXPECT_EQ(anchor(), 14);
  end_round(3, 6);  // the mean of the round in which it sent 2
  EXPECT_EQ(anchor(), 14 - (6 + (3 - 2) / 2.0F));
}

TEST_F(EagerPort, LeftOutOfAMeanItAddsToTheMeanOfOthers) {
  end_round(4, {});
  end_round(2, 6, false);  // (6 + 2)/2
  EXPECT_EQ(anchor(), 14 - 4);
}

TEST_F(EagerPort, ComesBackToItsAnchorFromWhatIsNotFinite) {
  end_round(4, {});
  end_round(std::numeric_limits<float>::quiet_NaN(), 6);
  EXPECT_TRUE(std::isnan(sent()));  // the engine declines for it
  EXPECT_EQ(anchor(), 14 - 6);
  EXPECT_THAT(port_.packed("x"), Each(8));
  end_round(2, 6, false);
  EXPECT_EQ(anchor(), 8 - 4);
}

}  // namespace
}  // namespace causeway
