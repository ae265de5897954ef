// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "codec/test_codec.h"
#include "core/random.h"

namespace causeway {
namespace {

std::unique_ptr<Codec> make_kmeans(int64_t levels) {
  return codec_with("kmeans", "levels", levels);
}

double squared_error(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
  return sum;
}

TEST(KMeans, FindsClustersThatAreApart) {
  const std::vector<float> values = {10.0f, 1.0f, -5.0f, 3.0f, 12.0f, -7.0f, 2.0f, 11.0f};
  EXPECT_EQ(round_trip(*make_kmeans(3), values),
            (std::vector{11.0f, 2.0f, -6.0f, 2.0f, 11.0f, -6.0f, 2.0f, 11.0f}));
}

TEST(KMeans, IsExactWhereThereAreLevelsEnough) {
  std::vector<float> values(5000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * i % 7) - 3;
  EXPECT_EQ(round_trip(*make_kmeans(64), values), values);
  const std::vector<float> few = {3.0f, -1.0f};
  EXPECT_EQ(round_trip(*make_kmeans(15), few), few);
}

// Lloyd and Max: of a standard normal the mean squared error of 8 levels is 0.03454.
TEST(KMeans, IsAsGoodAsLloydAndMaxSay) {
  const Random random(12, Stream::kSample);
  std::vector<float> values(16'384);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.normal(i));
  Plugin plugin{"kmeans", {}};
  plugin.options.set("levels", 8);
  plugin.options.set("steps", 1000);
  Mistakes mistakes;
  const auto got = round_trip(*make_codec(plugin, mistakes), values);
  EXPECT_EQ(std::set<float>(got.begin(), got.end()).size(), 8u);
  EXPECT_NEAR(squared_error(got, values) / 16'384, 0.03454, 0.001);
}

TEST(KMeans, StatesItsLayout) {
  Bytes wanted;
  ByteWriter writer(wanted);
  for (const float level : {-6.0f, 2.0f}) writer.put(level);
  for (const uint8_t code : {1, 0, 1, 0}) writer.put(code);
  EXPECT_EQ(encoded(*make_kmeans(2), std::vector{1.0f, -5.0f, 3.0f, -7.0f}), wanted);
}

TEST(KMeans, RefusesHostileLevelsAndCodes) {
  const auto codec = make_kmeans(2);
  const Bytes good = encoded(*codec, std::vector{1.0f, -5.0f, 3.0f, -7.0f});
  std::vector<float> out(4);
  ASSERT_TRUE(codec->decode(good, out).ok());
  using Limits = std::numeric_limits<float>;
  for (const float level : {Limits::infinity(), Limits::quiet_NaN(), -7.0f, Limits::denorm_min()}) {
    Bytes bad = good;
    std::memcpy(bad.data() + 4, &level, sizeof(level));
    EXPECT_FALSE(codec->decode(bad, out).ok()) << level;
  }
  Bytes bad = good;
  bad.back() = std::byte{2};
  EXPECT_FALSE(codec->decode(bad, out).ok());
}

// FedZip: a tenth of the values, 15 levels, Huffman codes: about 4 bits for each and its index.
TEST(KMeans, MakesFedZip) {
  const Random random(13, Stream::kSample);
  std::vector<float> values(200'000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.normal(i));
  int64_t bytes = 0, plain_bytes = 0;
  const auto got = through(*codec_from("topk(0.1)|kmeans(15)|huffman"), values, 1, &bytes);
  EXPECT_EQ(got, through(*codec_from("topk(0.1)|kmeans(15)"), values, 1, &plain_bytes));
  EXPECT_LT(bytes, 20'000 * (4.0 + 4.8) / 8 + 13 * 90);
  EXPECT_LT(bytes, 3 * plain_bytes / 4);
  const auto kept = through(*codec_from("topk(0.1)|fp32"), values);
  EXPECT_LT(squared_error(got, kept), 0.01 * squared_error(kept, std::vector<float>(200'000)));
}

}  // namespace
}  // namespace causeway
