// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::ElementsAre;

TEST(EControlFeedback, FeedsAPartOfItsErrorBack) {
  ToyFeedback control("econtrol", "eta = 0.5", 2);
  EXPECT_THAT(control.prepare({4, -2}), ElementsAre(4, -2));
  control.settle({4, 0});
  // e += s - h - c, h += c.
  EXPECT_THAT(control.kept("e"), ElementsAre(0, -2));
  EXPECT_THAT(control.kept("h"), ElementsAre(4, 0));
  // e/2 + s - h.
  EXPECT_THAT(control.prepare({5, 1}), ElementsAre(1, 0));
  control.settle({0, 0});
  EXPECT_THAT(control.kept("e"), ElementsAre(1, -1));
}

TEST(EControlFeedback, WithoutStrengthSendsAsEf21) {
  ToyFeedback control("econtrol", "eta = 0.0", 2), ef21("ef21", "", 2);
  for (const float value : {1.0F, -3.0F, 0.25F}) {
    const std::vector<float> signal{value, 2 - value};
    const auto sent = control.prepare(signal);
    EXPECT_EQ(sent, ef21.prepare(signal));
    const std::vector<float> first{sent[0], 0};
    control.settle(first), ef21.settle(first);
    EXPECT_EQ(control.integrate(first), ef21.integrate(first));
  }
}

}  // namespace
}  // namespace causeway
