// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/coin.h"
#include "exchange/toy_method.h"

namespace causeway {
namespace {

const Names kFedAmdStates = toy_moments("fedamd");

TEST(FedAmdPreset, HasOneChannelOfAnchorsAndOneOfMiners) {
  const auto channels = method_channels("preset = 'fedamd'\nperiod = 6\nprobability = 0.25");
  ASSERT_EQ(channels.size(), 2U);
  EXPECT_EQ(channels[0].port.options.find("state")->string(), "large");
  EXPECT_EQ(channels[0].port.options.find("to")->string(), "vbar");
  EXPECT_TRUE(channels[0].group.options.find("anchors")->boolean());
  EXPECT_EQ(channels[1].port.name, "outer");
  EXPECT_FALSE(channels[1].group.options.find("anchors")->boolean());
  for (const Channel& channel : channels) {
    EXPECT_EQ(channel.period, 6);
    EXPECT_EQ(channel.group.options.find("probability")->number(), 0.25);
  }
}

TEST(FedAmdPreset, GivesEverybodyTheMeanOfAnchorsLargeGradients) {
  const auto plan = toy_bind("preset = 'fedamd'\nperiod = 2\nweight = 'equal'", kFedAmdStates,
                             {kToyWorkers, 5, {}, {}});
  ToyTeam team(*plan, toy_layout(), {kFedAmdStates, 1, {}});
  for (WorkerId id = 0; id < kToyWorkers; ++id)
    team.replica(id).state("large").assign(34, static_cast<float>(1 << id));
  float last = 0;
  int64_t anchored = 0;
  for (int64_t round = 0; round < 12; ++round) {
    float sum = 0, anchors = 0;
    for (WorkerId id = 0; id < kToyWorkers; ++id)
      if (is_anchor(5, round, id, 0.5)) sum += static_cast<float>(1 << id), ++anchors;
    team.run_to(2 * (round + 1));
    if (anchors > 0) last = sum / anchors, ++anchored;
    for (WorkerId id = 0; id < kToyWorkers; ++id)
      EXPECT_FLOAT_EQ(team.replica(id).state("vbar")[3], last) << "round " << round;
  }
  EXPECT_GT(anchored, 6);
}

TEST(FedAmdPreset, WithoutAnchorsIsTheMeanDelta) {
  EXPECT_TRUE(
      same_bits(x_after("preset = 'fedamd'\nperiod = 4\nprobability = 0.0", 20, kFedAmdStates),
                x_after("preset = 'photon'\nperiod = 4", 20, kFedAmdStates)));
}

TEST(FedAmdPreset, MinesAlongItsObjectiveOfTheSameCoin) {
  Mistakes mistakes;
  const SyncTable table = read_sync(
      parse_toml("preset = 'fedamd'\nperiod = 6\nprobability = 0.25", "test", mistakes), mistakes);
  const Plugin objective = training_of(table).objective;
  EXPECT_EQ(objective.name, "fedamd");
  EXPECT_EQ(objective.options.find("period")->integer(), 6);
  EXPECT_EQ(objective.options.find("probability")->number(), 0.25);
}

}  // namespace
}  // namespace causeway
