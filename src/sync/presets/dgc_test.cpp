// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(DgcPreset, ClipsAtTheSenderAndWarmsUp) {
  const Channel g = only_channel("preset = 'dgc'\nkeep = 0.01\nwarmup = 3", 16);
  EXPECT_EQ(g.port.name, "gradient");
  EXPECT_EQ(g.feedback.name, "dgc");
  EXPECT_EQ(g.up.name, "topk(keep=0.01, warmup=3)|fp32");
  EXPECT_EQ(g.feedback.options.find("local_clip")->number(), 0.25);  // 1 / sqrt(16)
  const Channel none = only_channel("preset = 'dgc'\nlocal_clip = 0.0");
  EXPECT_EQ(none.feedback.options.find("local_clip")->number(), 0);
}

TEST(DgcPreset, ThatSendsAllIsDataParallel) {
  // Nothing waits, so that there is no momentum of it.
  for (const std::string momentum : {"0.0", "0.9"})
    EXPECT_TRUE(same_bits(x_after("preset = 'dgc'\nkeep = 1.0\nwarmup = 0\nlocal_clip = 0.0\n"
                                  "momentum = " +
                                      momentum,
                                  20),
                          x_after("preset = 'ddp'", 20)));
}

TEST(DgcPreset, SendsThePartOfTheRound) {
  const auto plan =
      toy_bind("preset = 'dgc'\nkeep = 0.01\nwarmup = 1", kOneMoment, {kToyWorkers, 5, {}, {}});
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  const auto waiting = [&] {
    const auto w = team.engine(2).states()[0].get("dgc_w");
    return std::ranges::count_if(w, [](float value) { return value != 0; });
  };
  team.run_to(1);
  EXPECT_EQ(waiting(), 34 - 4);  // ceil(34 * 0.01^(1/2))
  team.run_to(2);
  EXPECT_EQ(waiting(), 34 - 1);
}

}  // namespace
}  // namespace causeway
