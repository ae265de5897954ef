// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "codec/test_codec.h"
#include "core/random.h"

namespace causeway {
namespace {

std::unique_ptr<Codec> make_two_bit(int64_t chunk = 4096) {
  return codec_with("two_bit", "chunk", chunk);
}

// Golden values of an independent implementation: the two largest of each chunk of 6, whose scale
// is that of the chunk.
TEST(TwoBit, GivesTheGoldenValuesAfterChunks) {
  const std::vector<float> input = {0.3f, -1.0f,  0.004f, 0.5f, -0.0f, 0.51f,  7.0f, -7.0f,
                                    3.5f, -0.02f, 0.0f,   0.0f, 0.0f,  1e-30f, 2.0f, -1.9f};
  std::vector<float> golden(16, 0.0f);
  golden[1] = -1.0f;
  golden[5] = 1.0f / 3;
  golden[6] = 7.0f;
  golden[7] = -7.0f;
  golden[14] = 2.0f;
  golden[15] = -2.0f;
  EXPECT_EQ(through(*codec_from("topk(k=2, scope=chunk, chunk=6)|two_bit"), input), golden);
}

// Goal: the larger level from exactly two thirds on. Method: thrice a float in double is exact.
TEST(TwoBit, TakesTheLevelOfTwoThirds) {
  const Random random(32, Stream::kSample);
  for (uint64_t trial = 0; trial < 60; ++trial) {
    const float scale = std::ldexp(1 + static_cast<float>(random.uniform(trial << 32)),
                                   static_cast<int>(trial) * 4 - 119);
    std::vector<float> values = {scale};
    for (uint64_t i = 1; i < 500; ++i) {
      float value = scale / 3 * 2;
      if (i % 4 == 1) value = std::nextafter(value, 0.0f);
      if (i % 4 == 2) value = std::nextafter(value, scale);
      if (i % 4 == 3) value = static_cast<float>(random.uniform((trial << 32) + i)) * scale;
      values.push_back(i % 3 == 0 ? -value : value);
    }
    const auto got = round_trip(*make_two_bit(), values);
    for (size_t i = 0; i < values.size(); ++i) {
      const bool large = std::abs(double{values[i]}) * 3 >= double{scale} * 2;
      ASSERT_EQ(got[i], std::copysign(large ? scale : scale / 3, values[i])) << values[i] / scale;
    }
  }
}

TEST(TwoBit, StatesItsLayout) {
  // Runs of 3: scales of 3 and 6; codes 1 0 2 3 and 1, the first in the lowest bits.
  Bytes wanted;
  ByteWriter writer(wanted);
  for (const float scale : {3.0f, 6.0f}) writer.put(scale);
  for (const uint8_t codes : {0xe1, 0x01}) writer.put(codes);
  EXPECT_EQ(encoded(*make_two_bit(3), std::vector{3.0f, 0.0f, -1.0f, -6.0f, 5.0f}), wanted);
}

TEST(TwoBit, RefusesHostileScalesAndRest) {
  const auto codec = make_two_bit();
  const Bytes good = encoded(*codec, std::vector{2.0f, -1.0f, 0.5f});
  std::vector<float> out(3);
  ASSERT_TRUE(codec->decode(good, out).ok());
  for (const float scale : {std::numeric_limits<float>::infinity(), -2.0f, -0.0f, 0x1p-126f}) {
    Bytes bad = good;
    std::memcpy(bad.data(), &scale, sizeof(scale));
    EXPECT_FALSE(codec->decode(bad, out).ok()) << scale;
  }
  Bytes bad = good;
  bad.back() |= std::byte{0x40};
  EXPECT_FALSE(codec->decode(bad, out).ok());
}

}  // namespace
}  // namespace causeway
