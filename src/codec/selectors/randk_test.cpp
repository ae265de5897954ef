// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "codec/test_codec.h"

namespace causeway {
namespace {

size_t sent_of(std::span<const float> values) {
  return values.size() - static_cast<size_t>(std::ranges::count(values, 0.0f));
}

TEST(RandK, SendsItsPartOfEachBlock) {
  const std::vector<float> values(20'000, 1.5f);
  int64_t bytes = 0;
  const auto got = through(*codec_from("randk(0.05)|fp32"), values, 1, &bytes);
  EXPECT_EQ(sent_of(std::span(got).first(16'384)), 820u);
  EXPECT_EQ(sent_of(std::span(got).subspan(16'384)), 181u);
  for (const float value : got) EXPECT_TRUE(value == 0 || value == 1.5f);
  EXPECT_EQ(bytes, 2 * (8 + 11) + 4 * (820 + 181));
}

TEST(RandK, DrawsBySeedAndPlace) {
  const std::vector<float> values(40'000, 1.0f);
  const auto codec = codec_from("randk(0.1)|fp32");
  EXPECT_EQ(through(*codec, values, 5), through(*codec, values, 5));
  EXPECT_NE(through(*codec, values, 5), through(*codec, values, 6));
  const auto got = through(*codec, values, 5);
  EXPECT_FALSE(std::equal(got.begin(), got.begin() + 16'384, got.begin() + 16'384));
}

// Whoever has the seed sends the same positions, whatever the values are.
TEST(RandK, DrawsWithoutRegardToValues) {
  std::vector<float> ones(5000, 1.0f), others(5000);
  for (size_t i = 0; i < others.size(); ++i) others[i] = 1.0f + static_cast<float>(i);
  const auto a = through(*codec_from("randk(0.1)|fp32"), ones);
  const auto b = through(*codec_from("randk(0.1)|fp32"), others);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i] != 0, b[i] != 0);
}

// Goal: the expectation is the signal. Method: 4000 seeds; the mean of each value lies within five
// of its standard deviations, which is value * sqrt((n / k - 1) / seeds).
TEST(RandK, IsUnbiasedIfToldTo) {
  const std::vector<float> values = {1.0f, -2.0f, 3.0f, 4.0f, -5.0f, 6.0f, 7.0f, 8.0f, 9.0f, 10.0f};
  const auto codec = codec_from("randk(0.3, unbiased=true)|fp32");
  constexpr int kSeeds = 4000;
  std::vector<double> sums(values.size());
  for (int seed = 0; seed < kSeeds; ++seed) {
    const auto got = through(*codec, values, static_cast<uint64_t>(seed));
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += double{got[i]};
  }
  for (size_t i = 0; i < sums.size(); ++i)
    EXPECT_NEAR(sums[i] / kSeeds / double{values[i]}, 1, 5 * std::sqrt((10.0 / 3 - 1) / kSeeds));
}

TEST(RandK, ScalesNothingToInfinity) {
  const std::vector<float> values(100, std::numeric_limits<float>::max());
  for (const float value : through(*codec_from("randk(0.01, unbiased=true)|fp32"), values))
    EXPECT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace causeway
