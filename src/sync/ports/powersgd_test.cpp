// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

/// One worker alone: what it sends is the mean. Leaves the step after its stages.
void power_step(ToyPort& port, bool folded = true) {
  for (const int32_t stage : {0, 1}) {
    const Firing firing{.stage = stage, .worker = 0, .folded = folded};
    port.apply(firing, port.offer(firing));
  }
}

TEST(PowerSgdPort, SendsTwoFactorsAndVectorsWhole) {
  const ToyPort port("powersgd", "rank = 1");
  EXPECT_EQ(port.port->stages(), 2);
  EXPECT_EQ(port.count(0), 6 + 4 + 2 + 4 + 2 + 2);  // P of [6, 2], [4, 2], [4, 2]; the vectors
  EXPECT_EQ(port.count(1), 2 + 2 + 2);              // Q
  EXPECT_TRUE(port.port->whole());
}

TEST(PowerSgdPort, HasAMatrixOfItsRankExactly) {
  ToyPort port("powersgd", "rank = 1", {.region = "tensor w0, n0"});
  const std::vector<float> gradient{1, 2, 2, 4, -3, -6, 0, 0, 7, -7};
  port.fill("g", gradient);
  power_step(port);
  EXPECT_THAT(port.packed("g"), Pointwise(FloatNear(1e-5F), gradient));
  EXPECT_THAT(port.kept("residual"), testing::Each(FloatNear(0, 1e-5F)));
}

TEST(PowerSgdPort, OwesWhatARankLacks) {
  ToyPort port("powersgd", "rank = 1", {.region = "tensor w0, n0"});
  std::vector<double> wanted(10), given(10);
  for (int64_t step = 1; step <= 20; ++step) {
    port.replica.backward(step);
    const auto gradient = port.packed("g");
    power_step(port);
    const auto out = port.packed("g"), owed = port.kept("residual");
    // Rank 1: two-by-two determinants are zero.
    EXPECT_NEAR(out[0] * out[3], out[1] * out[2], 1e-5);
    for (size_t i = 0; i < 10; ++i) {
      wanted[i] += gradient[i];
      given[i] += out[i];
      EXPECT_NEAR(given[i] + owed[i], wanted[i], 1e-4);
    }
    EXPECT_EQ(owed[8], 0);  // vectors go whole
  }
}

TEST(PowerSgdPort, OwesNothingNewForAnOfferThatWasNotFolded) {
  ToyPort port("powersgd", "rank = 1");
  port.replica.backward(1);
  power_step(port);
  const auto owed = port.kept("residual");
  port.replica.backward(2);
  power_step(port, false);
  EXPECT_EQ(port.kept("residual"), owed);
}

TEST(PowerSgdPort, WantsMatrices) {
  const auto port = toy_plugin(ports(), "powersgd");
  const Layout layout = toy_layout();
  const Region norms = *layout.select("role=norm");
  EXPECT_THAT(port->bind({layout, norms, 1, VirtualClock()}), HasSubstr("wants matrices"));
}

}  // namespace
}  // namespace causeway
