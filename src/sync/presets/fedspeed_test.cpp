// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(FedSpeedPreset, GivesItsObjectiveThePull) {
  Mistakes mistakes;
  const SyncTable table = read_sync(
      parse_toml("preset = 'fedspeed'\nlambda = 7.0\nrho = 0.25", "test", mistakes), mistakes);
  const Plugin objective = training_of(table).objective;
  EXPECT_EQ(objective.name, "fedspeed");
  EXPECT_EQ(objective.options.find("lambda")->number(), 7);
  EXPECT_EQ(objective.options.find("rho")->number(), 0.25);
  const Channel x = only_channel("preset = 'fedspeed'\nlambda = 7.0");
  EXPECT_EQ(x.port.options.find("lambda")->number(), 7);
}

// With corrections of zero at first, a worker sends twice what it came.
TEST(FedSpeedPreset, TakesTwiceTheMeanChangeInItsFirstRound) {
  const Names moments{"b", "c"};
  const std::string equal = "\nweight = 'equal'\nperiod = 4";
  const auto start = x_after("preset = 'none'", 0, moments);
  const auto mean = x_after("preset = 'fedavg'" + equal, 4, moments);
  const auto x = x_after("preset = 'fedspeed'" + equal, 4, moments);
  for (size_t i = 0; i < x.size(); ++i)
    EXPECT_NEAR(x[i], start[i] + 2 * (mean[i] - start[i]), kToyRounding);
}

}  // namespace
}  // namespace causeway
