// SPDX-License-Identifier: Apache-2.0
#include "codec/greco.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "codec/test_codec.h"
#include "core/random.h"

namespace causeway {
namespace {

LayerCost sum_of(const LayerCosts& costs, const std::vector<size_t>& choices) {
  LayerCost sum;
  for (size_t layer = 0; layer < costs.size(); ++layer) {
    sum.bytes += costs[layer][choices[layer]].bytes;
    sum.squared_error += costs[layer][choices[layer]].squared_error;
  }
  return sum;
}

/// The fewest bytes within the budget, by looking at every choice; -1 if there is none.
int64_t fewest_bytes(const LayerCosts& costs, double squared_error_max) {
  int64_t fewest = -1;
  std::vector<size_t> choices(costs.size(), 0);
  for (;;) {
    const LayerCost sum = sum_of(costs, choices);
    if (sum.squared_error <= squared_error_max && (fewest < 0 || sum.bytes < fewest))
      fewest = sum.bytes;
    size_t layer = 0;
    while (layer < costs.size() && ++choices[layer] == costs[layer].size()) choices[layer++] = 0;
    if (layer == costs.size()) return fewest;
  }
}

// Layers of very different sizes; more bytes make for less error, but not always.
LayerCosts random_costs(const Random& random, uint64_t trial) {
  LayerCosts costs(4);
  uint64_t position = trial << 16;
  for (auto& row : costs) {
    const double size = std::exp2(10 * random.uniform(position++));
    const uint64_t codecs = 2 + random.below(position++, 5);
    for (uint64_t i = 0; i < codecs; ++i) {
      const double bits = 1 + 15 * random.uniform(position++);
      row.push_back({static_cast<int64_t>(size * bits) + 1,
                     size * std::exp2(-bits) * (0.5 + random.uniform(position++))});
    }
  }
  return costs;
}

// Goal: never over the budget; never more bytes than the best for a budget smaller by a step for
// each layer, which is what the method promises. Method: every choice for four layers.
TEST(Greco, IsWithinAStepOfTheBest) {
  const Random random(51, Stream::kSample);
  int found = 0, best = 0;
  for (uint64_t trial = 0; trial < 400; ++trial) {
    const LayerCosts costs = random_costs(random, trial);
    double least = 0, most = 0;
    for (const auto& row : costs) {
      double low = row[0].squared_error, high = low;
      for (const LayerCost& cost : row) {
        low = std::min(low, cost.squared_error);
        high = std::max(high, cost.squared_error);
      }
      least += low;
      most += high;
    }
    for (const int64_t steps : {50, 10'000})
      for (const double part : {-0.1, 0.01, 0.1, 0.5, 1.1}) {
        const double budget = least + part * (most - least);
        if (budget < 0) continue;
        const auto choices = choose_codecs(costs, {budget, steps});
        const int64_t exact = fewest_bytes(costs, budget);
        const int64_t smaller =
            fewest_bytes(costs, budget * (1 - 4.0 / static_cast<double>(steps)));
        if (!choices) {
          ASSERT_EQ(smaller, -1) << "trial " << trial;
          continue;
        }
        const LayerCost sum = sum_of(costs, *choices);
        ASSERT_LE(sum.squared_error, budget * (1 + 1e-12));
        ASSERT_GE(sum.bytes, exact);
        if (smaller >= 0) {
          ASSERT_LE(sum.bytes, smaller) << "trial " << trial;
        }
        ++found;
        best += sum.bytes == exact ? 1 : 0;
      }
  }
  EXPECT_GT(found, 2000);
  EXPECT_GT(best, found * 98 / 100);
}

TEST(Greco, HasNothingWhereNothingFits) {
  const LayerCosts costs = {{{10, 1.0}, {5, 2.0}}, {{10, 1.0}}};
  EXPECT_FALSE(choose_codecs(costs, {1.9}));
  EXPECT_EQ(choose_codecs(costs, {2.0}), (std::vector<size_t>{0, 0}));
  EXPECT_EQ(choose_codecs(costs, {3.0}), (std::vector<size_t>{1, 0}));
}

TEST(Greco, TakesABudgetOfNothing) {
  const LayerCosts costs = {{{10, 0.0}, {5, 1e-30}}, {{8, 0.0}, {7, 0.0}}};
  EXPECT_EQ(choose_codecs(costs, {0.0}), (std::vector<size_t>{0, 1}));
  EXPECT_EQ(choose_codecs({}, {0.0}), std::vector<size_t>{});
}

TEST(Greco, MeasuresWhatCodecsDo) {
  const auto exact = codec_from("fp32"), coarse = codec_from("sign"),
             sparse = codec_from("topk(k=1)");
  const Codec* codecs[] = {exact.get(), coarse.get(), sparse.get()};
  const std::vector<float> signal = {1.0f, -3.0f, 5.0f, 5.0f, 5.0f};
  const auto costs = measure_codecs(codecs, signal, std::vector<TensorCut>{{2, 2}, {3, 3}}, 1);
  ASSERT_EQ(costs.size(), 2u);
  EXPECT_EQ(costs[0][0].bytes, 8 + 8);
  EXPECT_EQ(costs[0][0].squared_error, 0);
  EXPECT_EQ(costs[0][1].bytes, 8 + 4 + 1);
  EXPECT_EQ(costs[0][1].squared_error, 2);
  EXPECT_EQ(costs[0][2].squared_error, 1);
  EXPECT_EQ(costs[1][0].bytes, 8 + 12);
  EXPECT_EQ(costs[1][1].squared_error, 0);
  EXPECT_EQ(costs[1][2].squared_error, 50);
  // The second layer is all alike: a bit for each of its values is enough.
  EXPECT_EQ(choose_codecs(costs, {0.5}), (std::vector<size_t>{0, 1}));
  EXPECT_EQ(choose_codecs(costs, {2.0}), (std::vector<size_t>{1, 1}));
}

}  // namespace
}  // namespace causeway
