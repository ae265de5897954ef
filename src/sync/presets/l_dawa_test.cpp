// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(LDawaPreset, IsFedAvgByCosines) {
  const Channel x = only_channel("preset = 'l_dawa'\nperiod = 6");
  EXPECT_EQ(x.port.name, "assign");
  EXPECT_EQ(x.rule.name, "cosine");
  EXPECT_EQ(x.period, 6);
}

TEST(LDawaPreset, IsFedAvgUntilItHasAMeanToCompareWith) {
  const auto l_dawa = [](int64_t steps) { return x_after("preset = 'l_dawa'\nperiod = 4", steps); };
  const auto fedavg = [](int64_t steps) { return x_after("preset = 'fedavg'\nperiod = 4", steps); };
  EXPECT_LT(largest_gap(l_dawa(7), fedavg(7)), kToyRounding);
  EXPECT_GT(largest_gap(l_dawa(8), fedavg(8)), 1e-5F);
}

TEST(LDawaPreset, OfEqualWorkersIsFedAvg) {
  const auto run = [](const std::string& sync) {
    const auto plan = toy_bind(sync, kOneMoment, {kToyWorkers, 5, {}, {}});
    const auto equal = [](ToyReplica& replica, WorkerId, Hook hook, int64_t step) {
      if (hook == Hook::kAfterBackward) {
        ToyReplica first = replica;
        for (size_t i = 0; i < 34; ++i)
          replica.state("g")[i] = first.x()[i] - static_cast<float>((step + i) % 5) / 4;
      }
    };
    ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, equal});
    team.run_to(20);
    return all_x(team);
  };
  const auto l_dawa = run("preset = 'l_dawa'\nperiod = 4");
  EXPECT_LT(largest_gap(l_dawa, run("preset = 'fedavg'\nperiod = 4")), kToyRounding);
  EXPECT_TRUE(workers_agree(l_dawa));
}

}  // namespace
}  // namespace causeway
