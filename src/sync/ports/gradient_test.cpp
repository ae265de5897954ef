// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::Each;

TEST(GradientPort, DividesByTheShareIfToldToBalance) {
  ToyPort plain("gradient"), balanced("gradient", "balance = true");
  for (ToyPort* port : {&plain, &balanced}) port->fill("g", std::vector<float>(34, 3));
  EXPECT_THAT(plain.offer({.share = 1.5}), Each(3));
  EXPECT_THAT(balanced.offer({.share = 1.5}), Each(2));
  EXPECT_THAT(balanced.packed("g"), Each(3));
}

}  // namespace
}  // namespace causeway
