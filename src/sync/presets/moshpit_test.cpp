// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

const std::string kMoshpit = "preset = 'moshpit'\nperiod = 4\n";

TEST(MoshpitPreset, AveragesAlongOneAxisAStage) {
  const Channel x = only_channel("preset = 'moshpit'\ndimensions = 3", 20);
  EXPECT_EQ(x.port.options.find("stages")->integer(), 3);
  EXPECT_EQ(x.group.name, "grid");
  EXPECT_EQ(x.group.options.find("side")->integer(), 3);  // 27 places for 20
  EXPECT_EQ(only_channel("preset = 'moshpit'", 4).group.options.find("side")->integer(), 2);
  EXPECT_EQ(only_channel("preset = 'moshpit'\nside = 9", 4).group.options.find("side")->integer(),
            9);
}

TEST(MoshpitPreset, OnAFullGridIsFedAvg) {
  const auto moshpit = x_after(kMoshpit, 20);
  EXPECT_LT(largest_gap(moshpit, x_after("preset = 'fedavg'\nweight = 'equal'\nperiod = 4", 20)),
            kToyRounding);
  EXPECT_TRUE(workers_agree(moshpit));
}

TEST(MoshpitPreset, OnAGridWithHolesBringsWorkersNearer) {
  const BindOptions three{3, 5, {}, {}};
  const auto mixed = x_after(kMoshpit, 4, kOneMoment, three);
  const auto apart = x_after("preset = 'none'", 4, kOneMoment, three);
  EXPECT_FALSE(workers_agree(mixed, 3));
  const auto spread = [](const std::vector<float>& x) {
    return largest_gap(std::span(x).first(34), std::span(x).subspan(34, 34));
  };
  EXPECT_LT(spread(mixed), spread(apart));
  // (0, 2), (1); then (0, 1), (2).
  for (size_t i = 0; i < 34; ++i) {
    const float first = (apart[i] + apart[68 + i]) / 2;
    EXPECT_NEAR(mixed[68 + i], first, kToyRounding);
    EXPECT_NEAR(mixed[i], (first + apart[34 + i]) / 2, kToyRounding);
  }
}

}  // namespace
}  // namespace causeway
