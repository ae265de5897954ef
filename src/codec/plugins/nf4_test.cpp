// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "codec/test_codec.h"
#include "core/random.h"

namespace causeway {
namespace {

std::unique_ptr<Codec> make_nf4(int64_t block = 64) { return codec_with("nf4", "block", block); }

// The 16 codes in order, of scale 1.
std::vector<float> levels() {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.put(1.0f);
  for (const uint8_t pair : {0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe}) writer.put(pair);
  std::vector<float> out(16);
  EXPECT_TRUE(make_nf4()->decode(bytes, out).ok());
  return out;
}

// Where the normal distribution reaches a probability, by bisection of the error function.
double quantile(double probability) {
  double low = -10, high = 10;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < probability ? low : high) = middle;
  }
  return low;
}

TEST(Nf4, HasTheLevelsOfThePapersConstruction) {
  const double most = 0.9677083;  // 1 - (1/32 + 1/30) / 2, with the digits of the authors' code
  std::vector<double> wanted = {0};
  for (int i = 0; i < 8; ++i) wanted.push_back(quantile(most + (0.5 - most) * i / 8));
  for (int i = 0; i < 7; ++i) wanted.push_back(-quantile(most + (0.5 - most) * i / 7));
  std::sort(wanted.begin(), wanted.end());
  const auto got = levels();
  for (size_t i = 0; i < 16; ++i)
    EXPECT_EQ(got[i], static_cast<float>(wanted[i] / wanted.back())) << i;
}

// The table of appendix E, which was computed in float: the largest quantile, by which all are
// divided, is off by an ulp or two.
TEST(Nf4, HasThePublishedLevels) {
  constexpr std::array<double, 16> kPublished = {-1.0,        -0.69619280, -0.52507305, -0.39491749,
                                                 -0.28444138, -0.18477343, -0.09105004, 0.0,
                                                 0.07958030,  0.16093020,  0.24611230,  0.33791524,
                                                 0.44070983,  0.56261700,  0.72295684,  1.0};
  const auto got = levels();
  for (size_t i = 0; i < 16; ++i) EXPECT_NEAR(got[i], kPublished[i], 1.3e-7) << i;
}

// Goal: the nearest level, exactly, the lower of two as near. Method: all 16 distances in long
// double, for values near every edge and anywhere.
TEST(Nf4, TakesTheNearestLevel) {
  const auto table = levels();
  const auto codec = make_nf4(4096);
  const Random random(31, Stream::kSample);
  for (uint64_t trial = 0; trial < 40; ++trial) {
    std::vector<float> values(4096);
    const float scale = std::ldexp(1 + static_cast<float>(random.uniform(trial << 32)),
                                   static_cast<int>(trial) * 5 - 100);
    values[0] = scale;
    for (size_t i = 1; i < values.size(); ++i) {
      const uint64_t bits = random.bits((trial << 32) + i);
      const size_t edge = bits % 15;
      auto value =
          static_cast<float>((double{table[edge]} + double{table[edge + 1]}) / 2 * double{scale});
      if (i % 4 == 1) value = std::nextafter(value, -scale);
      if (i % 4 == 2) value = std::nextafter(value, scale);
      if (i % 4 == 3) value = (static_cast<float>(random.uniform(bits)) * 2 - 1) * scale;
      values[i] = value;
    }
    const Bytes bytes = encoded(*codec, values);
    for (size_t i = 0; i < values.size(); ++i) {
      const auto pair = static_cast<uint8_t>(bytes[4 + i / 2]);
      size_t wanted = 0;
      const auto distance = [&](size_t code) {
        return std::abs(static_cast<long double>(table[code]) * static_cast<long double>(scale) -
                        static_cast<long double>(values[i]));
      };
      for (size_t code = 1; code < 16; ++code)
        if (distance(code) < distance(wanted)) wanted = code;
      ASSERT_EQ(i % 2 == 0 ? pair & 15 : pair >> 4, static_cast<int>(wanted)) << values[i] / scale;
    }
  }
}

TEST(Nf4, GivesLevelsBackExactly) {
  auto values = levels();
  EXPECT_EQ(round_trip(*make_nf4(), values), values);
  for (float& value : values) value *= 0x1p20f;
  EXPECT_EQ(round_trip(*make_nf4(), values), values);
}

TEST(Nf4, ScalesEachRun) {
  std::vector<float> values(200);
  for (size_t i = 0; i < values.size(); ++i) values[i] = i < 64 ? 1.0f : i < 128 ? -1e6f : 0.0f;
  EXPECT_EQ(round_trip(*make_nf4(), values), values);
}

TEST(Nf4, StatesItsLayout) {
  // Runs of 2: scales, then codes 15 and 0, 7 and 7, 0 and nothing, the first in the low half.
  Bytes wanted;
  ByteWriter writer(wanted);
  for (const float scale : {3.0f, 0.0f, 2.0f}) writer.put(scale);
  for (const uint8_t pair : {0x0f, 0x77, 0x00}) writer.put(pair);
  EXPECT_EQ(encoded(*make_nf4(2), std::vector{3.0f, -3.0f, 0.0f, 1e-37f, -2.0f}), wanted);
}

TEST(Nf4, MakesNoSubnormal) {
  const auto got = round_trip(*make_nf4(), std::vector{0x1p-121f, 0x1p-124f, 0x1p-126f, 0x1p-149f});
  EXPECT_EQ(got[0], 0x1p-121f);
  for (const float value : got)
    EXPECT_TRUE(value == 0 || std::abs(value) >= std::numeric_limits<float>::min()) << value;
  EXPECT_EQ(round_trip(*make_nf4(), std::vector{0x1p-122f}), std::vector{0.0f});
}

TEST(Nf4, RefusesHostileScalesAndRest) {
  const auto codec = make_nf4();
  const Bytes good = encoded(*codec, std::vector{254.0f, -128.0f, 0.0f});
  std::vector<float> out(3);
  ASSERT_TRUE(codec->decode(good, out).ok());
  using Limits = std::numeric_limits<float>;
  for (const float scale :
       {Limits::infinity(), Limits::quiet_NaN(), -2.0f, -0.0f, Limits::denorm_min(), 1e-37f}) {
    Bytes bad = good;
    std::memcpy(bad.data(), &scale, sizeof(scale));
    EXPECT_FALSE(codec->decode(bad, out).ok()) << scale;
  }
  Bytes bad = good;
  bad.back() |= std::byte{0x10};
  EXPECT_FALSE(codec->decode(bad, out).ok());
}

}  // namespace
}  // namespace causeway
