// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "codec/magnitudes.h"
#include "codec/test_codec.h"
#include "core/random.h"

namespace causeway {
namespace {

// By a sort: equal magnitudes in order of index, zeros never.
std::vector<float> largest_kept(std::span<const float> values, size_t k) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return std::pair(-std::abs(values[i]), i); });
  order.resize(std::min(k, order.size()));
  std::vector<float> out(values.size());
  for (const size_t index : order) out[index] = values[index];
  return out;
}

std::vector<float> largest_of_each(std::span<const float> values, const std::vector<size_t>& sizes,
                                   const std::vector<size_t>& ks) {
  std::vector<float> out;
  size_t start = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const auto part = largest_kept(values.subspan(start, sizes[i]), ks[i]);
    out.insert(out.end(), part.begin(), part.end());
    start += sizes[i];
  }
  return out;
}

std::vector<float> normal_signal(size_t count, uint64_t position = 0) {
  const Random random(8, Stream::kSample);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.normal(position++));
  return values;
}

// Few magnitudes, many zeros.
std::vector<float> step_signal(size_t count, uint64_t magnitudes) {
  const Random random(9, Stream::kSample);
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = (random.bits(i) % 2 == 0 ? 0.5f : -0.5f) *
                static_cast<float>(random.below(i + 1'000'000, magnitudes));
  return values;
}

TEST(TopKSelector, FindsTheLargestOfASignal) {
  for (const size_t size : {1, 2, 100, 16'384, 16'385, 50'000})
    for (const size_t k : {size_t{1}, size_t{7}, size / 100, size / 3, size, 2 * size}) {
      if (k == 0) continue;
      const auto codec = codec_from(fmt::format("topk(k={})|fp32", k));
      for (const auto& values :
           {normal_signal(size), step_signal(size, 3), step_signal(size, 1000)})
        ASSERT_EQ(through(*codec, values), largest_kept(values, k)) << k << " of " << size;
    }
}

// Magnitudes that differ in their lowest, middle or highest bits only, so that each pass decides.
TEST(TopKSelector, TellsNeighboursApart) {
  for (const int shift : {0, 5, 9, 15, 20, 25}) {
    std::vector<float> values(40'000);
    const Random random(10, Stream::kSample, static_cast<uint32_t>(shift));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] =
          std::bit_cast<float>(0x20000000u + static_cast<uint32_t>(random.below(i, 16) << shift));
    for (const size_t k : {1, 1000, 20'000, 39'999})
      ASSERT_EQ(through(*codec_from(fmt::format("topk(k={})|fp32", k)), values),
                largest_kept(values, k))
          << shift << " " << k;
  }
}

TEST(TopKSelector, RoundsAPartUp) {
  const auto values = normal_signal(30'001);
  EXPECT_EQ(through(*codec_from("topk(0.01)|fp32"), values), largest_kept(values, 301));
  EXPECT_EQ(through(*codec_from("topk(1e-6)|fp32"), values), largest_kept(values, 1));
  EXPECT_EQ(through(*codec_from("topk(1)|fp32"), values), values);
}

TEST(TopKSelector, NeverSendsZeros) {
  std::vector<float> values(20'000);
  values[3] = 1e-40f;
  values[19'000] = -2.0f;
  for (const char* text : {"topk(0.5)|fp32", "topk(k=9, scope=chunk)|fp32",
                           "topk(0.5, scope=layer)|fp32", "topk(1, scope=block)|fp32"}) {
    int64_t bytes = 0;
    EXPECT_EQ(through(*codec_from(text), values, 1, &bytes), values);
    EXPECT_LT(bytes, 60) << text;
  }
}

TEST(TopKSelector, LooksAtEachChunk) {
  const auto values = step_signal(40'100, 50);
  for (const size_t chunk : {6, 1000, 5000, 16'384}) {
    std::vector<size_t> sizes, tens, parts;
    for (size_t start = 0; start < values.size(); start += chunk) {
      sizes.push_back(std::min(chunk, values.size() - start));
      tens.push_back(10);
      parts.push_back(static_cast<size_t>(std::ceil(0.03 * static_cast<double>(sizes.back()))));
    }
    const std::string scope = fmt::format("scope=chunk, chunk={}", chunk);
    EXPECT_EQ(through(*codec_from("topk(k=10, " + scope + ")|fp32"), values),
              largest_of_each(values, sizes, tens));
    EXPECT_EQ(through(*codec_from("topk(0.03, " + scope + ")|fp32"), values),
              largest_of_each(values, sizes, parts));
  }
}

TEST(TopKSelector, LooksAtEachLayer) {
  const std::vector<size_t> sizes = {10, 20'000, 1, 15'000, 0, 5000};
  std::vector<TensorCut> cuts;
  for (const size_t size : sizes)
    cuts.push_back({static_cast<int64_t>(size), static_cast<int64_t>(size)});
  const auto codec = codec_from("topk(0.05, scope=layer)|fp32");
  codec->fit(cuts);
  for (const auto& values : {normal_signal(40'011), step_signal(40'011, 4)})
    EXPECT_EQ(through(*codec, values), largest_of_each(values, sizes, {1, 1000, 1, 750, 0, 250}));
  // Without tensors, all is one.
  const auto values = normal_signal(40'011);
  EXPECT_EQ(through(*codec_from("topk(0.05, scope=layer)|fp32"), values),
            largest_kept(values, 2001));
}

TEST(TopKSelector, LooksAtEachBlock) {
  const auto values = normal_signal(20'000);
  EXPECT_EQ(through(*codec_from("topk(0.05, scope=block)|fp32"), values),
            largest_of_each(values, {16'384, 3616}, {820, 181}));
}

// A signal that is itself a part of another, as a shard: indices of ties count from its begin.
TEST(TopKSelector, TakesSignalsThatBeginAnywhere) {
  const auto values = step_signal(30'000, 3);
  Coding coding = 1;
  coding.begin = 12'345;
  EXPECT_EQ(through(*codec_from("topk(0.1)|fp32"), values, coding), largest_kept(values, 3000));
}

TEST(TopKSelector, WarmsUp) {
  const auto values = normal_signal(10'000);
  const auto codec = codec_from("topk(0.001, warmup=4)|fp32");
  for (int64_t round = 0; round < 8; ++round) {
    Coding coding = 1;
    coding.round = round;
    const double part = round < 4 ? std::pow(0.001, static_cast<double>(round + 1) / 5) : 0.001;
    EXPECT_EQ(through(*codec, values, coding),
              largest_kept(values, static_cast<size_t>(std::ceil(part * 10'000))))
        << round;
  }
}

TEST(TopKSelector, ForecastsItsBytes) {
  const auto values = normal_signal(200'000);
  for (const char* text : {"topk(0.01)|int8", "topk(0.1)|bf16", "topk(k=64, scope=chunk)|two_bit",
                           "topk(0.01, scope=block)|fp32|raw", "topk(0.01, warmup=2)|fp32"}) {
    const auto codec = codec_from(text);
    Coding coding = 1;
    coding.round = 5;
    const int64_t bytes = std::ssize(encode_signal(*codec, values, coding));
    int64_t likely = 0;
    for (int64_t begin = 0; begin < 200'000; begin += codec->block_values())
      likely += 8 + codec->block_bytes_likely(std::min(codec->block_values(), 200'000 - begin));
    EXPECT_NEAR(static_cast<double>(bytes) / static_cast<double>(likely), 0.95, 0.07) << text;
  }
}

using TopKSelectorDeath = testing::Test;

TEST(TopKSelectorDeath, WantsASurvey) {
  Bytes bytes;
  EXPECT_DEATH(codec_from("topk(0.1)|fp32")->encode(normal_signal(10), 1, bytes),
               "without a survey");
}

}  // namespace
}  // namespace causeway
