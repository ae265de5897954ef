// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/direction.h"
#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(OneBytePreset, SendsOneByteAndGathersOneOfEach) {
  const auto plan = toy_bind("preset = 'one_byte'", {}, {kToyWorkers, 5, {}, {}});
  const BoundChannel& g = plan->channels().front();
  EXPECT_EQ(g.count, 1);
  EXPECT_EQ(g.wires.front().consensus, kToyWorkers);
  EXPECT_EQ(g.up->block_bytes_max(1), 1);
  EXPECT_EQ(g.down->block_bytes_max(kToyWorkers), kToyWorkers);
  EXPECT_EQ(g.rule->gathers(), true);
}

TEST(OneBytePreset, StepsAllWorkersAlikeAlongTheirDirections) {
  const auto plan = toy_bind("preset = 'one_byte'", {}, {kToyWorkers, 5, {}, {}});
  std::vector<float> slopes(kToyWorkers);
  ToyTeam team(*plan, toy_layout(),
               {{}, 1, [&](ToyReplica& replica, WorkerId id, Hook hook, int64_t step) {
                  if (hook != Hook::kAfterBackward) return;
                  // As the objective: a slope times the direction. The codec has powers of two.
                  slopes[static_cast<size_t>(id)] = std::ldexp(id == 2 ? -1.0F : 1.0F, -id);
                  fill_direction(5, step, id, 0, replica.state("g"));
                  for (float& g : replica.state("g")) g *= slopes[static_cast<size_t>(id)];
                }});
  for (int64_t step = 1; step <= 5; ++step) {
    team.run_to(step);
    ASSERT_TRUE(workers_agree(all_x(team)));
    std::vector<double> wanted(34);
    for (WorkerId id = 0; id < kToyWorkers; ++id) {
      std::vector<float> direction(34);
      fill_direction(5, step, id, 0, direction);
      for (size_t i = 0; i < 34; ++i)
        wanted[i] += slopes[static_cast<size_t>(id)] * direction[i] / kToyWorkers;
    }
    for (size_t i = 0; i < 34; ++i) EXPECT_NEAR(team.replica(0).state("g")[i], wanted[i], 1e-6);
  }
}

}  // namespace
}  // namespace causeway
