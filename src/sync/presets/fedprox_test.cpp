// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(FedProxPreset, IsFedAvgWithAPullInItsObjective) {
  Mistakes mistakes;
  const SyncTable table =
      read_sync(parse_toml("preset = 'fedprox'\nmu = 0.5", "test", mistakes), mistakes);
  EXPECT_EQ(training_of(table).objective.name, "prox");
  EXPECT_EQ(training_of(table).objective.options.find("mu")->number(), 0.5);
  // Toys have no such objective.
  EXPECT_TRUE(same_bits(x_after("preset = 'fedprox'\nperiod = 4", 20),
                        x_after("preset = 'fedavg'\nperiod = 4", 20)));
}

}  // namespace
}  // namespace causeway
