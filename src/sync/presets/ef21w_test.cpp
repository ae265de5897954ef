// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(Ef21WPreset, CountsByFixedWeightsAndBalancesThem) {
  const Channel g = only_channel("preset = 'ef21w'");
  EXPECT_EQ(g.weight, Weight::kFixed);
  EXPECT_EQ(g.feedback.name, "ef21");
  EXPECT_TRUE(g.port.options.find("balance")->boolean());
}

TEST(Ef21WPreset, OfEqualWeightsIsEf21) {
  const BindOptions equal{kToyWorkers, 5, {7, 7, 7, 7}, {}};
  EXPECT_TRUE(same_bits(x_after("preset = 'ef21w'\nkeep = 0.2", 20, kOneMoment, equal),
                        x_after("preset = 'ef21'\nkeep = 0.2", 20)));
}

// Top-k picks the same values however a gradient is scaled, and so do the weights undo the balance.
TEST(Ef21WPreset, WithACodecThatKnowsNoScaleIsEf21AtAnyWeights) {
  const BindOptions unequal{kToyWorkers, 5, {1, 2, 3, 10}, {}};
  for (const std::string keep : {"1.0", "0.2"})
    EXPECT_LT(largest_gap(x_after("preset = 'ef21w'\nkeep = " + keep, 20, kOneMoment, unequal),
                          x_after("preset = 'ef21'\nkeep = " + keep, 20)),
              kToyRounding)
        << keep;
}

}  // namespace
}  // namespace causeway
