// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::Each;
using testing::FloatNear;

TEST(Co2Port, GoesOnFromTheCommonStartAndSendsHowFarItCame) {
  ToyPort port("co2");
  const std::vector<float> start = port.packed("x");
  std::vector<float> trained = start;
  for (float& value : trained) value -= 0.25F;
  port.fill("x", trained);
  port.begin({.step = 4, .worker = 0});
  EXPECT_EQ(port.packed("x"), start);
  EXPECT_THAT(port.offer({}), Each(FloatNear(0.25F, 1e-6F)));
}

TEST(Co2Port, MovesTheStartByAClampedMomentum) {
  ToyPort port("co2", "lr = 0.5\nmomentum = 0.5\ngap_penalty = 2.0\nlimit = 3.0");
  port.fill("x", std::vector<float>(34, 1));
  port.port->start(port.region, port.replica, port.states);
  port.apply({}, std::vector<float>(34, 4));  // m = 4/2
  EXPECT_THAT(port.kept("outer_m"), Each(2));
  EXPECT_THAT(port.packed("x"), Each(0));
  port.apply({}, std::vector<float>(34, 3));  // m = 2/2 + 3/2
  EXPECT_THAT(port.kept("outer_m"), Each(2.5F));
  EXPECT_THAT(port.packed("x"), Each(-1.25F));
  port.apply({}, std::vector<float>(34, -40));
  EXPECT_THAT(port.kept("outer_m"), Each(-3));
  EXPECT_THAT(port.packed("x"), Each(0.25F));
  EXPECT_EQ(port.kept("start"), port.packed("x"));
}

}  // namespace
}  // namespace causeway
