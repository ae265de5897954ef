// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(MuLoCoPreset, IsDiLoCoAroundMuonWithItsOwnOuterRates) {
  Mistakes mistakes;
  const SyncTable table = read_sync(parse_toml("preset = 'muloco'", "test", mistakes), mistakes);
  EXPECT_EQ(training_of(table).optimizers.front().name, "muon");
  const Channel x = only_channel("preset = 'muloco'");
  EXPECT_EQ(x.period, 30);
  EXPECT_EQ(x.port.options.find("optimizer")->find("lr")->number(), 0.9);
  EXPECT_EQ(x.port.options.find("optimizer")->find("momentum")->number(), 0.8);
  EXPECT_TRUE(same_bits(x_after("preset = 'muloco'\nperiod = 4", 20),
                        x_after("preset = 'diloco'\nperiod = 4\n"
                                "outer = {name = 'nesterov', lr = 0.9, momentum = 0.8}",
                                20)));
}

}  // namespace
}  // namespace causeway
