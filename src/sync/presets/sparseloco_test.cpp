// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(SparseLoCoPreset, SendsTheLargestOfEachChunkWithoutOuterMomentum) {
  const Channel x = only_channel("preset = 'sparseloco'");
  EXPECT_EQ(x.port.options.find("optimizer")->find("name")->string(), "sgd");
  EXPECT_EQ(x.up.name, "topk(k=64, scope=chunk, chunk=4096)|two_bit");
  EXPECT_EQ(x.feedback.name, "ef");
  EXPECT_EQ(x.feedback.options.find("decay")->number(), 0.95);
  EXPECT_EQ(x.rule.name, "mean");
  EXPECT_EQ(only_channel("preset = 'sparseloco'\nmean_over = 'senders'").rule.name, "senders");
}

TEST(SparseLoCoPreset, OfWholeChunksInFullIsThePlainDelta) {
  const std::string whole =
      "preset = 'sparseloco'\nperiod = 4\nchunk = 16\nk = 16\ntwo_bit = false\n";
  const auto photon = x_after("preset = 'photon'\nperiod = 4", 20);
  EXPECT_TRUE(same_bits(x_after(whole + "decay = 0.0", 20), photon));
  EXPECT_TRUE(same_bits(x_after(whole + "decay = 0.95", 20), photon));  // nothing was lost
  EXPECT_GT(
      largest_gap(x_after("preset = 'sparseloco'\nperiod = 4\nchunk = 16\nk = 4", 20), photon),
      1e-2F);
}

TEST(SparseLoCoPreset, KeepsWhatIsLeftOfAChunk) {
  const auto plan = toy_bind("preset = 'sparseloco'\nperiod = 4\nchunk = 17\nk = 5", kOneMoment,
                             {kToyWorkers, 5, {}, {}});
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  team.run_to(4);
  const auto owed = team.engine(0).states()[0].get("residual");
  for (const size_t chunk : {0U, 17U}) {
    size_t exact = 0;
    ToyReplica alone(34, 0, kOneMoment);
    const std::vector<float> start = alone.x();
    for (int64_t step = 1; step <= 4; ++step) alone.backward(step), alone.update();
    for (size_t i = chunk; i < chunk + 17; ++i)
      exact += owed[i] == start[i] - alone.x()[i] ? 1U : 0U;
    EXPECT_EQ(exact, 12U);
  }
}

TEST(SparseLoCoPreset, RefusesAnotherMean) {
  Mistakes mistakes;
  read_sync(parse_toml("preset = 'sparseloco'\nmean_over = 'all'", "test", mistakes), mistakes);
  EXPECT_THAT(mistakes.text(), testing::HasSubstr("`mean_over` is \"all\""));
}

}  // namespace
}  // namespace causeway
