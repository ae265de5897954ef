// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::Each;

TEST(NoLoCoPort, MixesAnchorsAndDeltasOfItsGroup) {
  ToyPort port("noloco", "alpha = 0.5\nbeta = 0.25\ngamma = 2.0");
  port.fill("x", std::vector<float>(34, 8));
  port.port->start(port.region, port.replica, port.states);
  port.fill("x", std::vector<float>(34, 5));
  // x - anchor, then the anchor.
  const auto sent = port.offer({});
  ASSERT_EQ(sent.size(), 68U);
  EXPECT_THAT(std::vector(sent.begin(), sent.begin() + 34), Each(-3));
  EXPECT_THAT(std::vector(sent.begin() + 34, sent.end()), Each(8));
  std::vector<float> means(34, -4);
  means.resize(68, 9);
  port.apply({}, means);
  // d = 0 - 4/4 + 2 (9 - 8)
  EXPECT_THAT(port.kept("noloco_d"), Each(1));
  EXPECT_THAT(port.packed("x"), Each(9));
  port.apply({}, means);
  // d = 1/2 - 1 + 2 (9 - 9)
  EXPECT_THAT(port.packed("x"), Each(8.5F));
  EXPECT_EQ(port.kept("anchor"), port.packed("x"));
}

}  // namespace
}  // namespace causeway
