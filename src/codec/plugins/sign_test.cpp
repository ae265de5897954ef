// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "codec/test_codec.h"

namespace causeway {
namespace {

std::unique_ptr<Codec> make_sign(int64_t block = 4096) {
  return codec_with("sign", "block", block);
}

TEST(Sign, IsTheMeanMagnitudeOfItsRun) {
  EXPECT_EQ(round_trip(*make_sign(4), std::vector{1.0f, -2.0f, 3.0f, -6.0f, -7.0f}),
            (std::vector{3.0f, -3.0f, 3.0f, -3.0f, -7.0f}));
}

TEST(Sign, SumsLongRunsExactly) {
  std::vector<float> values(4000, 0.5f);
  for (size_t i = 0; i < values.size(); i += 2) values[i] = -1.5f;
  const auto got = round_trip(*make_sign(), values);
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(got[i], i % 2 == 0 ? -1.0f : 1.0f);
}

TEST(Sign, TakesZerosOfEitherSignForPositive) {
  EXPECT_EQ(round_trip(*make_sign(), std::vector{0.0f, -0.0f, -2.0f, 2.0f}),
            (std::vector{1.0f, 1.0f, -1.0f, 1.0f}));
}

TEST(Sign, StatesItsLayout) {
  // Runs of 8: scales of 1 and 2; the first sign in the lowest bit.
  std::vector<float> values(8, 1.0f);
  values[1] = values[7] = -1.0f;
  values.push_back(-2.0f);
  Bytes wanted;
  ByteWriter writer(wanted);
  for (const float scale : {1.0f, 2.0f}) writer.put(scale);
  for (const uint8_t signs : {0x82, 0x01}) writer.put(signs);
  EXPECT_EQ(encoded(*make_sign(8), values), wanted);
}

// A mean may be subnormal where the largest value is not.
TEST(Sign, MakesNoSubnormal) {
  constexpr float kMin = std::numeric_limits<float>::min();
  EXPECT_EQ(round_trip(*make_sign(), std::vector{kMin, 0.0f}), (std::vector{0.0f, 0.0f}));
  EXPECT_EQ(round_trip(*make_sign(), std::vector{kMin, -kMin}), (std::vector{kMin, -kMin}));
}

}  // namespace
}  // namespace causeway
