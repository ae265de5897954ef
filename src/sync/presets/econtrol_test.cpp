// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(EControlPreset, FeedsAnErrorBackAtAStrength) {
  const Channel g = only_channel("preset = 'econtrol'\nkeep = 0.25\neta = 0.5");
  EXPECT_EQ(g.feedback.name, "econtrol");
  EXPECT_EQ(g.feedback.options.find("eta")->number(), 0.5);
  EXPECT_EQ(g.up.name, "topk(0.25)|fp32");
}

TEST(EControlPreset, WithoutStrengthIsEf21) {
  const auto ef21 = x_after("preset = 'ef21'\nkeep = 0.1", 20);
  EXPECT_TRUE(same_bits(x_after("preset = 'econtrol'\nkeep = 0.1\neta = 0.0", 20), ef21));
  EXPECT_GT(largest_gap(x_after("preset = 'econtrol'\nkeep = 0.1\neta = 0.5", 20), ef21), 1e-3F);
}

}  // namespace
}  // namespace causeway
