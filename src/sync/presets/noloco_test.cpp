// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(NoLoCoPreset, MixesRandomPairs) {
  const Channel x = only_channel("preset = 'noloco'");
  EXPECT_EQ(x.port.name, "noloco");
  EXPECT_EQ(x.group.name, "pairs");
  EXPECT_EQ(x.period, 50);
}

const std::string kPlainMix =
    "preset = 'noloco'\nweight = 'equal'\nperiod = 4\nalpha = 0.0\nbeta = 1.0\ngamma = 1.0\n";

TEST(NoLoCoPreset, OfOneGroupWithoutMomentumIsFedAvg) {
  const auto fedavg = x_after("preset = 'fedavg'\nweight = 'equal'\nperiod = 4", 20);
  const auto all = x_after(kPlainMix + "group = {name = 'pairs', size = 4}", 20);
  EXPECT_LT(largest_gap(all, fedavg), kToyRounding);
  EXPECT_GT(largest_gap(x_after(kPlainMix, 20), fedavg), 1e-2F);
}

TEST(NoLoCoPreset, MakesAGroupAgreeAndNoOther) {
  const auto x = x_after(kPlainMix + "group = {name = 'pairs', rounds = [[[0, 2], [1, 3]]]}", 4);
  const auto worker = [&](size_t m) { return std::span(x).subspan(34 * m, 34); };
  EXPECT_TRUE(same_bits(worker(0), worker(2)));
  EXPECT_TRUE(same_bits(worker(1), worker(3)));
  EXPECT_GT(largest_gap(worker(0), worker(1)), 1e-2F);
  // In another group their anchors differ, and meet in the middle.
  const auto y = x_after(
      kPlainMix + "group = {name = 'pairs', rounds = [[[0, 2], [1, 3]], [[0, 1], [2, 3]]]}", 8);
  EXPECT_LT(largest_gap(std::span(y).first(34), std::span(y).subspan(34, 34)), kToyRounding);
  EXPECT_GT(largest_gap(std::span(y).first(34), std::span(y).subspan(68, 34)), 1e-2F);
}

}  // namespace
}  // namespace causeway
