// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "codec/test_codec.h"
#include "core/random.h"

namespace causeway {
namespace {

std::unique_ptr<Codec> make_e3m0(int64_t block = 4096) {
  return codec_with("e3m0", "block", block);
}

// Golden values of an independent implementation in double precision, runs of 5.
TEST(E3m0, GivesTheGoldenValues) {
  const std::vector<float> input = {0.3f, -1.0f,  0.004f, 0.5f, -0.0f, 0.51f,  7.0f, -7.0f,
                                    3.5f, -0.02f, 0.0f,   0.0f, 0.0f,  1e-30f, 2.0f, -1.9f};
  const std::vector<float> golden = {0.25f, -1.0f, 0.0f, 0.5f, 0.0f, 0.4375f, 7.0f, -7.0f,
                                     3.5f,  0.0f,  0.0f, 0.0f, 0.0f, 0.0f,    2.0f, -1.9f};
  EXPECT_EQ(round_trip(*make_e3m0(5), input), golden);
}

// Goal: every value goes to the nearest level, and half way to the larger. Method: distances in
// long double, which has room for them, of values on every middle, beside it, and anywhere.
TEST(E3m0, TakesTheNearestLevel) {
  const Random random(31, Stream::kSample);
  for (uint64_t trial = 0; trial < 60; ++trial) {
    const float scale = std::ldexp(1 + static_cast<float>(random.uniform(trial << 32)),
                                   static_cast<int>(trial) * 4 - 119);
    std::vector<float> values = {scale};
    for (uint64_t i = 1; i < 2000; ++i) {
      const int middle = static_cast<int>(i % 7);
      float value = (middle == 0 ? 0x1p-7f : std::ldexp(0.75f, middle - 6)) * scale;
      if (i % 4 == 1) value = std::nextafter(value, 0.0f);
      if (i % 4 == 2) value = std::nextafter(value, scale);
      if (i % 4 == 3) value = static_cast<float>(random.uniform((trial << 32) + i)) * scale;
      values.push_back(i % 3 == 0 ? -value : value);
    }
    const auto got = round_trip(*make_e3m0(), values);
    for (size_t i = 0; i < values.size(); ++i) {
      float wanted = 0;
      const auto distance = [&](float level) {
        return std::abs(static_cast<long double>(level) -
                        std::abs(static_cast<long double>(values[i])));
      };
      for (int exponent = -6; exponent <= 0; ++exponent)
        if (const float level = std::ldexp(scale, exponent); distance(level) <= distance(wanted))
          wanted = level;
      ASSERT_EQ(got[i], std::copysign(wanted, wanted == 0 ? 1.0f : values[i]))
          << values[i] / scale << " of " << scale;
    }
  }
}

TEST(E3m0, StatesItsLayout) {
  // Runs of 2: scales of 2, 0 and 3; codes 7 and 14, 0 and 0, 6 and nothing, the first low.
  Bytes wanted;
  ByteWriter writer(wanted);
  for (const float scale : {2.0f, 0.0f, 3.0f}) writer.put(scale);
  for (const uint8_t pair : {0xe7, 0x00, 0x07}) writer.put(pair);
  EXPECT_EQ(encoded(*make_e3m0(2), std::vector{2.0f, -1.0f, 0.0f, 0x1p-130f, 3.0f}), wanted);
}

TEST(E3m0, MakesNoSubnormal) {
  const auto got = round_trip(*make_e3m0(), std::vector{0x1p-120f, 0x1p-126f});
  EXPECT_EQ(got, (std::vector{0x1p-120f, 0x1p-126f}));
  EXPECT_EQ(round_trip(*make_e3m0(), std::vector{0x1p-121f}), std::vector{0.0f});
}

TEST(E3m0, RefusesHostileScalesCodesAndRest) {
  const auto codec = make_e3m0();
  const Bytes good = encoded(*codec, std::vector{2.0f, -1.0f, 0.5f});
  std::vector<float> out(3);
  ASSERT_TRUE(codec->decode(good, out).ok());
  using Limits = std::numeric_limits<float>;
  for (const float scale :
       {Limits::infinity(), Limits::quiet_NaN(), -2.0f, -0.0f, Limits::denorm_min(), 0x1p-121f}) {
    Bytes bad = good;
    std::memcpy(bad.data(), &scale, sizeof(scale));
    EXPECT_FALSE(codec->decode(bad, out).ok()) << scale;
  }
  Bytes bad = good;
  bad[4] = std::byte{0x88};  // negative zeros
  EXPECT_FALSE(codec->decode(bad, out).ok());
  bad = good;
  bad.back() |= std::byte{0x10};
  EXPECT_FALSE(codec->decode(bad, out).ok());
}

}  // namespace
}  // namespace causeway
