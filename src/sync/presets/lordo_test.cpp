// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

std::vector<Channel> lordo_channels(const std::string& more) {
  Mistakes mistakes;
  PresetContext context = toy_context(kTwoMoments, "lordo");
  context.optimizer_options = parse_toml("rank = 1\nbetas = [0.8, 0.95]", "test", mistakes);
  Plan plan = toy_plan("preset = 'lordo'\nperiod = 4\n" + more, context, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  return plan.channels;
}

TEST(LordoPreset, AveragesLowRankMomentsMoreRarelyThanParameters) {
  const auto channels = lordo_channels("");
  ASSERT_EQ(channels.size(), 3U);
  EXPECT_EQ(channels[0].port.name, "low_rank");
  EXPECT_EQ(channels[0].period, 8);
  EXPECT_EQ(channels[1].period, 12);
  EXPECT_EQ(channels[2].port.name, "lordo");
  EXPECT_EQ(channels[2].period, 4);
  EXPECT_EQ(lordo_channels("periods = {u = 0, v = 5}").front().period, 5);
}

TEST(LordoPreset, TakesRankAndDecaysFromItsOptimizer) {
  const auto channels = lordo_channels("");
  for (const Channel& channel : channels)
    EXPECT_EQ(channel.port.options.find("rank")->integer(), 1) << channel.name;
  EXPECT_EQ(channels[2].port.options.find("betas")->array()[1].number(), 0.95);
  Mistakes mistakes;
  const SyncTable table = read_sync(parse_toml("preset = 'lordo'", "test", mistakes), mistakes);
  EXPECT_EQ(training_of(table).optimizers.front().name, "lordo");
}

TEST(LordoPreset, AveragesWhatItsMomentsHave) {
  const Names moments{"u", "v", "q"};
  const auto plan = toy_bind("preset = 'lordo'\nperiod = 2", moments, {kToyWorkers, 5, {}, {}});
  EXPECT_EQ(plan->channels()[0].count, 18);  // rank 8 is cut to 2: of [6, 2] the first [2, 2]
  EXPECT_EQ(plan->channels()[2].count, 34);
  ToyTeam team(*plan, toy_layout(), {moments, 1, {}});
  team.run_to(4);
  EXPECT_TRUE(workers_agree(all_x(team)));
  const auto &first = team.replica(0).state("q"), &second = team.replica(1).state("q");
  EXPECT_TRUE(same_bits(first, second));  // each has computed the same basis
  EXPECT_NEAR(first[0] * first[0] + first[2] * first[2] + first[4] * first[4] +
                  first[6] * first[6] + first[8] * first[8] + first[10] * first[10],
              1, 1e-5);
}

TEST(LordoPreset, RefusesPeriodsOfOtherStates) {
  Mistakes mistakes;
  read_sync(parse_toml("preset = 'lordo'\nperiods = {b = 3}", "test", mistakes), mistakes);
  EXPECT_THAT(mistakes.text(), testing::HasSubstr("`periods` has b = 3"));
}

}  // namespace
}  // namespace causeway
