// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "aggregate/rule.h"
#include "core/random.h"

namespace causeway {
namespace {

// The mean of `members` random rows, beside one computed in long double (64-bit significand),
// column by column. The sum in double is within members * 2^-53 of the exact one: far below half an
// ulp of float, so the two differ only where they straddle a tie, and these rows have none.
void expect_weighted_mean(size_t members, const std::vector<int64_t>& weights) {
  constexpr size_t kSize = 1301;
  std::vector<std::vector<float>> rows(members, std::vector<float>(kSize));
  for (size_t m = 0; m < members; ++m)
    for (size_t i = 0; i < kSize; ++i)
      rows[m][i] = static_cast<float>(
          Random(6, Stream::kSample, static_cast<uint32_t>(m)).normal(i) * (i % 2 == 0 ? 1 : 1e6));
  const std::vector<std::span<const float>> tile(rows.begin(), rows.end());
  std::vector<float> out(kSize);
  Mistakes mistakes;
  make_plugin(rules(), "rule", Plugin{"mean", {}}, mistakes)->fold(tile, weights, out);

  long double total = 0;
  for (const int64_t weight : weights) total += static_cast<long double>(weight);
  for (size_t i = 0; i < kSize; ++i) {
    long double sum = 0;
    for (size_t m = 0; m < members; ++m)
      sum += static_cast<long double>(weights[m]) * static_cast<long double>(rows[m][i]);
    EXPECT_EQ(out[i], static_cast<float>(sum / total)) << "value " << i << " of " << members;
  }
}

TEST(Mean, WeighsItsRows) { expect_weighted_mean(4, {1, 2, 3, 4}); }

TEST(Mean, WeighsAnyNumberOfRows) {
  for (size_t members = 1; members <= 18; ++members) {
    std::vector<int64_t> weights;
    for (size_t m = 0; m < members; ++m)
      weights.push_back(kWeightMax - 12'345 * static_cast<int64_t>(m));
    expect_weighted_mean(members, weights);
  }
}

TEST(Mean, OfByHandValues) {
  const std::vector<float> a = {1, -3, 0}, b = {4, 5, 0.5f};
  const std::vector<std::span<const float>> rows = {a, b};
  const std::vector<int64_t> weights = {3, 1};
  std::vector<float> out(3);
  Mistakes mistakes;
  make_plugin(rules(), "rule", Plugin{"mean", {}}, mistakes)->fold(rows, weights, out);
  EXPECT_EQ(out, (std::vector<float>{1.75f, -1, 0.125f}));
}

}  // namespace
}  // namespace causeway
