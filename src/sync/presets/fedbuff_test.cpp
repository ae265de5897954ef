// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

using testing::ElementsAre;

TEST(FedBuffPreset, FiresWhenTheBufferIsFull) {
  const Channel x = only_channel("preset = 'fedbuff'\nperiod = 6\nsize = 3");
  EXPECT_EQ(x.port.name, "buffered");
  EXPECT_EQ(x.port.options.find("stretch")->integer(), 6);
  EXPECT_EQ(x.group.name, "buffer");
  EXPECT_EQ(x.group.options.find("size")->integer(), 3);
  EXPECT_EQ(x.group.options.find("stretch")->integer(), 6);
}

TEST(FedBuffPreset, OfEvenWorkersThatFillTheBufferIsTheMeanDelta) {
  const auto fedbuff = x_after("preset = 'fedbuff'\nperiod = 4\nsize = 4", 22);
  EXPECT_LT(largest_gap(fedbuff, x_after("preset = 'photon'\nperiod = 4\nweight = 'equal'", 22)),
            kToyRounding);
}

TEST(FedBuffPreset, LetsFastWorkersGoOnAndDiscountsWhatIsOld) {
  const auto plan =
      toy_bind("preset = 'fedbuff'\nperiod = 2\nsize = 2", kOneMoment, {2, 5, {}, {1, 0.25}});
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  team.run_to(16);
  // The fast worker alone fills the buffer at 4; then both at 8, with two deltas and one that began
  // before the first round.
  std::vector<int64_t> steps;
  for (const RoundOutcome& outcome : team.outcomes()) steps.push_back(outcome.step);
  EXPECT_THAT(steps, ElementsAre(4, 8, 12, 16));
  EXPECT_THAT(team.outcomes()[0].members, ElementsAre(Member{0, 2 << 20}));
  const auto& both = team.outcomes()[1].members;
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].weight, 2 << 20);
  EXPECT_NEAR(static_cast<double>(both[1].weight), std::sqrt(0.5) * (1 << 20), 2);
}

}  // namespace
}  // namespace causeway
