// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(MashaPreset, IsSparseBothWaysWithFeedbackBothWays) {
  const Channel g = only_channel("preset = 'masha'\nkeep = 0.25\nkeep_down = 0.5");
  EXPECT_EQ(g.up.name, "topk(0.25)|fp32");
  EXPECT_EQ(g.down.name, "topk(0.5)|fp32");
  EXPECT_EQ(g.feedback.name, "ef");
  EXPECT_EQ(g.down_feedback.name, "ef");
}

TEST(MashaPreset, ThatSendsAllBothWaysIsDataParallel) {
  const auto ddp = x_after("preset = 'ddp'", 20);
  EXPECT_LT(largest_gap(x_after("preset = 'masha'\nkeep = 1.0\nkeep_down = 1.0", 20), ddp),
            kToyRounding);
  EXPECT_GT(largest_gap(x_after("preset = 'masha'\nkeep = 1.0\nkeep_down = 0.2", 20), ddp), 1e-3F);
  EXPECT_GT(largest_gap(x_after("preset = 'masha'\nkeep = 0.2\nkeep_down = 1.0", 20), ddp), 1e-3F);
}

}  // namespace
}  // namespace causeway
