// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::Each;

std::vector<float> speed_values(float value) { return std::vector<float>(34, value); }

struct FedSpeedToy : ToyPort {
  FedSpeedToy() : ToyPort("fedspeed", "lambda = 4.0", {.moments = {"u", "v", "c"}}) {
    fill("x", speed_values(10));
    port->start(region, replica, states);
  }
};

TEST(FedSpeedPort, CorrectsByHowFarItCameAndSendsThat) {
  FedSpeedToy port;
  port.fill("x", speed_values(8));
  port.begin({});
  EXPECT_THAT(port.packed("c"), Each(0.5F));  // 0 - (8 - 10)/4
  EXPECT_THAT(port.offer({}), Each(6));       // 8 - 4/2
  port.apply({}, speed_values(7));
  EXPECT_THAT(port.packed("x"), Each(7));
  EXPECT_THAT(port.kept("anchor"), Each(7));
  port.begin({});
  EXPECT_THAT(port.packed("c"), Each(0.5F));  // it stays where nothing moves
}

TEST(FedSpeedPort, KeepsItsCorrectionFromWhatIsNotFinite) {
  FedSpeedToy port;
  port.fill("c", speed_values(0.25F));
  port.fill("x", speed_values(std::numeric_limits<float>::infinity()));
  port.begin({});
  EXPECT_THAT(port.packed("c"), Each(0.25F));
  EXPECT_FALSE(std::isfinite(port.offer({}).front()));  // the engine declines for it
}

}  // namespace
}  // namespace causeway
