// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::Each;

ToyPort::Options lordo_place() { return {.region = "tensor w0", .moments = {"u", "v", "q"}}; }

/// w0 is [4, 2]; the change is the column (2, 0, -4, 4) times the row (1, 2).
const std::vector<float> kLordoChange{2, 4, 0, 0, -4, -8, 4, 8};

TEST(LordoPort, SendsItsChangeAndMovesTheAnchorByTheMean) {
  ToyPort port("lordo", "rank = 1", lordo_place());
  const auto start = port.packed("x");
  port.fill("x", std::vector<float>(8, 3));
  const auto change = port.offer({});
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(change[i], 3 - start[i]);
  port.apply({.worker = 0}, kLordoChange);
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(port.packed("x")[i], start[i] + kLordoChange[i]);
  EXPECT_EQ(port.kept("anchor"), port.packed("x"));
}

TEST(LordoPort, TurnsTheBasisToWhereTheModelMoved) {
  ToyPort port("lordo", "rank = 1", lordo_place());
  // Before: the first unit vector; moments 3 and 5 of its one row.
  port.fill("q", {1, 0, 0, 0, 0, 0, 0, 0});
  port.fill("u", {3, 5, 0, 0, 0, 0, 0, 0});
  port.fill("v", {9, 25, 0, 0, 0, 0, 0, 0});
  port.apply({.worker = 0}, kLordoChange);
  const auto q = port.packed("q"), u = port.packed("u"), v = port.packed("v");
  const float wanted[] = {-1 / 3.0F, 0, 2 / 3.0F, -2 / 3.0F};
  const float sign = q[2] > 0 ? 1.0F : -1.0F;
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(q[i], sign * wanted[i], 1e-5F);
  // R = -sign/3; v has no spread beyond u squared.
  EXPECT_NEAR(u[0], -sign * 1, 1e-5F);
  EXPECT_NEAR(u[1], -sign * 5 / 3.0F, 1e-5F);
  EXPECT_NEAR(v[0], 1, 1e-5F);
  EXPECT_NEAR(v[1], 25 / 9.0F, 1e-5F);
}

TEST(LordoPort, LeavesTheBasisIfToldOrIfNothingMoved) {
  ToyPort kept("lordo", "rank = 1\nrefresh = false", lordo_place());
  kept.apply({.worker = 0}, kLordoChange);
  EXPECT_THAT(kept.packed("q"), Each(0));
  ToyPort still("lordo", "rank = 1", lordo_place());
  still.apply({.worker = 0}, std::vector<float>(8));
  EXPECT_THAT(still.packed("q"), Each(0));
}

}  // namespace
}  // namespace causeway
