// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

using testing::ElementsAre;

TEST(FedFixPreset, FiresAtFixedTimesWithoutDiscount) {
  const Channel x = only_channel("preset = 'fedfix'\nperiod = 6\nwindow = 9");
  EXPECT_EQ(x.port.name, "buffered");
  EXPECT_EQ(x.port.options.find("age_power")->number(), 0);
  EXPECT_EQ(x.port.options.find("window")->integer(), 9);
  EXPECT_EQ(x.group.name, "timer");
  EXPECT_EQ(x.group.options.find("every")->integer(), 9);
  EXPECT_EQ(only_channel("preset = 'fedfix'\nperiod = 6").group.options.find("every")->integer(),
            6);
}

TEST(FedFixPreset, OfEvenWorkersAtTheirPeriodIsTheMeanDelta) {
  EXPECT_LT(largest_gap(x_after("preset = 'fedfix'\nperiod = 4", 22),
                        x_after("preset = 'photon'\nperiod = 4\nweight = 'equal'", 22)),
            kToyRounding);
}

TEST(FedFixPreset, CountsWhoIsRarelyReadyTheMore) {
  const auto plan = toy_bind("preset = 'fedfix'\nperiod = 2", kOneMoment, {2, 5, {}, {1, 0.25}});
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  team.run_to(16);
  ASSERT_EQ(team.outcomes().size(), 8U);
  for (const RoundOutcome& outcome : team.outcomes()) {
    if (outcome.step % 8 != 0)
      EXPECT_THAT(outcome.members, ElementsAre(Member{0, 1 << 20}));
    else
      EXPECT_THAT(outcome.members, ElementsAre(Member{0, 1 << 20}, Member{1, 4 << 20}));
  }
}

}  // namespace
}  // namespace causeway
