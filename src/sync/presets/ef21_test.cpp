// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(Ef21Preset, SendsSparseChangesOfGradients) {
  const Channel g = only_channel("preset = 'ef21'\nkeep = 0.25");
  EXPECT_EQ(g.port.name, "gradient");
  EXPECT_EQ(g.feedback.name, "ef21");
  EXPECT_EQ(g.up.name, "topk(0.25)|fp32");
  EXPECT_EQ(g.weight, Weight::kEqual);
}

TEST(Ef21Preset, ThatSendsAllIsDataParallel) {
  const auto ddp = x_after("preset = 'ddp'\nweight = 'equal'", 20);
  EXPECT_LT(largest_gap(x_after("preset = 'ef21'\nkeep = 1.0", 20), ddp), kToyRounding);
  EXPECT_GT(largest_gap(x_after("preset = 'ef21'\nkeep = 0.1", 20), ddp), 1e-2F);
}

// Goal: what all know of a worker is what it keeps. Method: the mean of all h is hbar.
TEST(Ef21Preset, KeepsTheMeanOfWhatWorkersAreKnownFor) {
  const auto plan = toy_bind("preset = 'ef21'\nkeep = 0.1", kOneMoment, {kToyWorkers, 5, {}, {}});
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  team.run_to(9);
  for (size_t i = 0; i < 34; ++i) {
    double known = 0;
    for (WorkerId id = 0; id < kToyWorkers; ++id)
      known += team.engine(id).states()[0].get("h")[i] / kToyWorkers;
    EXPECT_NEAR(team.engine(0).states()[0].get("hbar")[i], known, 1e-5);
    EXPECT_EQ(team.replica(3).state("g")[i], team.engine(0).states()[0].get("hbar")[i]);
  }
}

}  // namespace
}  // namespace causeway
