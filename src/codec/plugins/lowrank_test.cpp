// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "codec/test_codec.h"
#include "core/random.h"

namespace causeway {
namespace {

double norm_of(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += double{value} * double{value};
  return std::sqrt(sum);
}

double distance_of(std::span<const float> a, std::span<const float> b) {
  std::vector<float> difference;
  for (size_t i = 0; i < a.size(); ++i) difference.push_back(a[i] - b[i]);
  return norm_of(difference);
}

/// A sum of `rank` products of random vectors, the k-th `fall`^k as large as the first.
std::vector<float> matrix_of(size_t rows, size_t columns, size_t rank, double fall) {
  const Random random(14, Stream::kSample);
  std::vector<double> sums(rows * columns);
  for (size_t k = 0; k < rank; ++k)
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < columns; ++j)
        sums[i * columns + j] += std::pow(fall, static_cast<double>(k)) *
                                 random.normal((2 * k) << 20 | i) *
                                 random.normal((2 * k + 1) << 20 | j);
  std::vector<float> out;
  for (const double sum : sums) out.push_back(static_cast<float>(sum));
  return out;
}

TEST(LowRank, IsNearlyExactForWhatHasTheRank) {
  const auto values = matrix_of(128, 128, 3, 0.7);
  const auto got = round_trip(*codec_with("lowrank", "rank", 3), values);
  EXPECT_LT(distance_of(got, values), 1e-6 * norm_of(values));
  EXPECT_GT(distance_of(round_trip(*codec_with("lowrank", "rank", 2), values), values),
            1e-2 * norm_of(values));
}

// Nothing of rank r is nearer than the r largest singular vectors. Of orthogonal products these are
// known: here cosines, of weights 1, 1/2, 1/4, ...
TEST(LowRank, ComesNearTheBest) {
  std::vector<double> sums(128 * 128);
  double beyond = 0;
  for (size_t k = 0; k < 12; ++k) {
    const double weight = std::pow(0.5, static_cast<double>(k));
    if (k >= 4) beyond += weight * weight;
    const auto wave = [&](size_t i) {
      return std::sqrt(2.0 / 128) *
             std::cos(M_PI * (static_cast<double>(i) + 0.5) * static_cast<double>(k + 1) / 128);
    };
    for (size_t i = 0; i < 128; ++i)
      for (size_t j = 0; j < 128; ++j) sums[i * 128 + j] += weight * wave(i) * wave(j);
  }
  std::vector<float> values;
  for (const double sum : sums) values.push_back(static_cast<float>(sum));
  const double best = std::sqrt(beyond);
  const double got = distance_of(round_trip(*codec_with("lowrank", "rank", 4), values), values);
  EXPECT_GT(got, 0.999 * best);
  EXPECT_LT(got, 1.05 * best);
}

TEST(LowRank, TakesItsColumnsFromTensors) {
  const auto values = matrix_of(128, 256, 2, 0.8);
  const std::vector<TensorCut> cuts = {{128 * 256, 256}};
  const auto plain = codec_with("lowrank", "rank", 2), fitted = codec_with("lowrank", "rank", 2);
  fitted->fit(cuts);
  const auto block = std::span(values).first(16'384);
  Bytes bytes;
  fitted->encode(block, 1, bytes);
  EXPECT_EQ(static_cast<int>(bytes[1]), 1);  // 256
  EXPECT_LE(std::ssize(bytes), fitted->block_bytes_max(16'384));
  std::vector<float> out(16'384);
  // The receiver needs no tensors.
  ASSERT_TRUE(plain->decode(bytes, out).ok());
  EXPECT_LT(distance_of(out, block), 1e-6 * norm_of(block));
  EXPECT_GT(distance_of(round_trip(*plain, block), block), 0.1 * norm_of(block));
}

TEST(LowRank, TakesFactorsOfHalfTheSize) {
  const auto values = matrix_of(128, 128, 4, 0.7);
  Plugin plugin{"lowrank(4, factors=bf16)", {}};
  Mistakes mistakes;
  const auto codec = make_codec(plugin, mistakes);
  EXPECT_EQ(std::ssize(encoded(*codec, values)), 6 + 2 * 4 * 256);
  EXPECT_LT(distance_of(round_trip(*codec, values), values), 0.01 * norm_of(values));
}

TEST(LowRank, StatesItsLayout) {
  // 4 values in 2 columns: rows (4, 0) and (0, 0), scale 4, P = (1, 0), Q = (1, 0).
  const Bytes bytes =
      encoded(*codec_with("lowrank", "rank", 1), std::vector{4.0f, 0.0f, 0.0f, 0.0f});
  ByteReader reader(bytes);
  EXPECT_EQ(reader.get<uint16_t>().value(), 2);
  EXPECT_EQ(reader.get<float>().value(), 4.0f);
  const float first = reader.get<float>().value();
  EXPECT_EQ(std::abs(first), 1.0f);
  EXPECT_EQ(reader.get<float>().value(), 0.0f);
  EXPECT_EQ(reader.get<float>().value(), first);
  EXPECT_EQ(reader.get<float>().value(), 0.0f);
  EXPECT_EQ(reader.left(), 0u);
}

TEST(LowRank, MakesNoSubnormalAndNothingAboveItsScale) {
  const auto codec = codec_with("lowrank", "rank", 1);
  Bytes bytes = encoded(*codec, std::vector{4.0f, 0.0f, 0.0f, 0.0f});
  const auto decoded_with = [&](float scale, float factor) {
    std::memcpy(bytes.data() + 2, &scale, sizeof(scale));
    for (const size_t at : {6, 10, 14, 18}) std::memcpy(bytes.data() + at, &factor, sizeof(factor));
    std::vector<float> out(4);
    EXPECT_TRUE(codec->decode(bytes, out).ok());
    return out[3];
  };
  constexpr float kMax = std::numeric_limits<float>::max();
  EXPECT_EQ(decoded_with(kMax, kMax), kMax);
  EXPECT_EQ(decoded_with(3.0f, 5.0f), 3.0f);
  EXPECT_EQ(decoded_with(0x1p-126f, 0.5f), 0.0f);
  EXPECT_EQ(decoded_with(1.0f, 0x1p-126f), 0.0f);
}

TEST(LowRank, RefusesHostileShapesScalesAndFactors) {
  const auto codec = codec_with("lowrank", "rank", 1);
  const Bytes good = encoded(*codec, std::vector{4.0f, 0.0f, 0.0f, 0.0f});
  std::vector<float> out(4);
  ASSERT_TRUE(codec->decode(good, out).ok());
  for (const uint16_t columns : {0, 1, 3, 5, 0xffff}) {
    Bytes bad = good;
    std::memcpy(bad.data(), &columns, sizeof(columns));
    EXPECT_FALSE(codec->decode(bad, out).ok()) << columns;
  }
  using Limits = std::numeric_limits<float>;
  for (const float value : {Limits::infinity(), Limits::quiet_NaN(), Limits::denorm_min()})
    for (const size_t at : {2, 6, 18}) {
      Bytes bad = good;
      std::memcpy(bad.data() + at, &value, sizeof(value));
      EXPECT_FALSE(codec->decode(bad, out).ok()) << value << " at " << at;
    }
}

}  // namespace
}  // namespace causeway
