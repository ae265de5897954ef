// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

using testing::ElementsAre;

const std::string kDecoupled = "preset = 'decoupled'\nperiod = 4\nfragments = 2\ndelay = 2\n";

TEST(DecoupledPreset, AveragesDirectionsButOfEmbeddings) {
  const auto channels = method_channels(kDecoupled);
  ASSERT_EQ(channels.size(), 3U);
  EXPECT_EQ(channels[0].rule.name, "direction");
  EXPECT_EQ(channels[1].rule.name, "mean");
  EXPECT_EQ(channels[1].region, "role=embedding");
  EXPECT_EQ(channels[2].rule.name, "direction");
  const auto plan = toy_bind(kDecoupled, kOneMoment, {kToyWorkers, 5, {}, {}});
  EXPECT_EQ(plan->channels()[0].count + plan->channels()[1].count + plan->channels()[2].count, 34);
  for (const Channel& channel : channels) EXPECT_EQ(channel.delay, 2);
}

TEST(DecoupledPreset, WaitsForMoreThanHalfUnlessItIsTold) {
  const auto quorum = [](const std::string& more, int32_t workers) {
    const auto channels = method_channels(kDecoupled + more, workers);
    return channels.front().group.options.find("count")->integer();
  };
  EXPECT_EQ(quorum("", 4), 3);
  EXPECT_EQ(quorum("", 5), 3);
  EXPECT_EQ(quorum("quorum = 1", 5), 1);
}

std::vector<WorkerId> ids_of(const RoundOutcome& outcome) {
  std::vector<WorkerId> out;
  for (const Member& member : outcome.members) out.push_back(member.id);
  return out;
}

TEST(DecoupledPreset, OfEvenWorkersFoldsEachFragmentOnceAPeriodAndAppliesItLater) {
  const auto plan = toy_bind(kDecoupled, kOneMoment, {kToyWorkers, 5, {}, {}});
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  for (int64_t step = 1; step <= 14; ++step) {
    team.run_to(step);
    // The first fragment fires at 2, 6, 10, the second at 4, 8, 12.
    EXPECT_THAT(team.engine(0).counters().versions, ElementsAre(step / 4, step / 4, (step - 2) / 4))
        << step;
  }
  ASSERT_EQ(team.outcomes().size(), 7U);
  for (const RoundOutcome& outcome : team.outcomes()) {
    EXPECT_EQ(outcome.step, 2 * outcome.round);
    EXPECT_THAT(ids_of(outcome), ElementsAre(0, 1, 2, 3));
    EXPECT_EQ(outcome.channels,
              outcome.round % 2 == 1 ? (std::vector<int32_t>{0, 1}) : std::vector<int32_t>{2});
  }
}

TEST(DecoupledPreset, DoesNotWaitForASlowWorker) {
  const auto plan = toy_bind(kDecoupled, kOneMoment, {kToyWorkers, 5, {}, {1, 1, 1, 0.25}});
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  team.run_to(26);
  size_t with = 0;
  for (const RoundOutcome& outcome : team.outcomes()) {
    EXPECT_TRUE(outcome.committed);
    EXPECT_EQ(outcome.step, 2 * outcome.round);
    with += std::ranges::count(ids_of(outcome), 3) > 0 ? 1U : 0U;
  }
  // Its own steps 2, 4 and 6 end at ticks 8, 16 and 24: it is in the next round of a fragment.
  EXPECT_EQ(with, 3U);
}

}  // namespace
}  // namespace causeway
