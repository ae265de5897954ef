// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

using testing::ElementsAre;

// A toy's batch has 4096 tokens.
const std::string kOneStepEach = "preset = 'hivemind'\ntarget_tokens = 16384\n";

TEST(HivemindPreset, CountsItsTargetInSteps) {
  const auto steps = [](const std::string& more) {
    return only_channel("preset = 'hivemind'\n" + more).group.options.find("size")->integer();
  };
  EXPECT_EQ(steps(""), 16);  // four of each
  EXPECT_EQ(steps("target_tokens = 8192"), 2);
  EXPECT_EQ(steps("target_tokens = 8193"), 3);
}

TEST(HivemindPreset, WithATargetOfOneStepOfEachIsDataParallel) {
  EXPECT_TRUE(
      same_bits(x_after(kOneStepEach, 20), x_after("preset = 'ddp'\nweight = 'equal'", 20)));
}

TEST(HivemindPreset, UpdatesOnceForSeveralSteps) {
  const std::string sync = "preset = 'hivemind'\ntarget_tokens = 49152";  // three of each
  const auto plan = toy_bind(sync, kOneMoment, {kToyWorkers, 5, {}, {}});
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  std::vector<int64_t> moved;
  for (int64_t step = 1; step <= 9; ++step) {
    const auto before = all_x(team);
    team.run_to(step);
    if (all_x(team) != before) moved.push_back(step);
    EXPECT_TRUE(workers_agree(all_x(team)));
  }
  EXPECT_THAT(moved, ElementsAre(3, 6, 9));
}

/// The mean gradient of each step updates in the next one.
TEST(HivemindPreset, WithDelayUsesTheGradientsOfTheStepBefore) {
  std::vector<ToyReplica> replicas;
  for (WorkerId id = 0; id < kToyWorkers; ++id) replicas.emplace_back(34, id, kOneMoment);
  std::vector<double> before;
  for (int64_t step = 1; step <= 10; ++step) {
    std::vector<double> mean(34);
    for (ToyReplica& replica : replicas) {
      replica.backward(step);
      for (size_t i = 0; i < 34; ++i) mean[i] += replica.state("g")[i] / 4.0;
    }
    if (!before.empty())
      for (ToyReplica& replica : replicas) {
        std::ranges::transform(before, replica.state("g").begin(),
                               [](double g) { return static_cast<float>(g); });
        replica.update();
      }
    before = mean;
  }
  const auto x = x_after(kOneStepEach + "delay = 1", 10);
  EXPECT_LT(largest_gap(std::span(x).first(34), replicas[0].x()), kToyRounding);
  EXPECT_TRUE(workers_agree(x));
  EXPECT_GT(largest_gap(x, x_after(kOneStepEach, 10)), 1e-2F);
}

TEST(HivemindPreset, CountsWorkersByTheStepsTheyMade) {
  const auto plan =
      toy_bind("preset = 'hivemind'\ntarget_tokens = 24576", kOneMoment, {2, 5, {}, {1, 0.5}});
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  team.run_to(8);
  // Six steps of both together take four ticks.
  ASSERT_EQ(team.outcomes().size(), 2U);
  for (const RoundOutcome& outcome : team.outcomes())
    EXPECT_THAT(outcome.members, ElementsAre(Member{0, 4}, Member{1, 2}));
}

}  // namespace
}  // namespace causeway
