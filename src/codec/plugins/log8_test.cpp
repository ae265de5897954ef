// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "codec/test_codec.h"

namespace causeway {
namespace {

TEST(Log8, ErrsByAFifthAtMostTowardsZero) {
  const auto codec = codec_with("log8");
  std::vector<float> values;
  for (float value = 0x1p-24F; value < 150; value *= 1.003F) values.push_back(value);
  for (size_t i = 0; i < values.size(); i += 2) values[i] = -values[i];
  const auto got = round_trip(*codec, values);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_LT(std::abs(got[i] - values[i]), std::abs(values[i]) / 5) << values[i];
    EXPECT_LE(std::abs(got[i]), std::abs(values[i]));
  }
}

TEST(Log8, HasExactPowersAndEnds) {
  const auto codec = codec_with("log8");
  const std::vector<float> exact{0, 1, -2, 0.25F, 1.5F, -0x1p-24F, 192, 1.25F};
  EXPECT_EQ(round_trip(*codec, exact), exact);
  EXPECT_EQ(round_trip(*codec, std::vector<float>{1e9F, -1e9F, 1e-12F, -1e-12F}),
            (std::vector<float>{192, -192, 0, 0}));
}

TEST(Log8, TakesOneByteAValue) {
  EXPECT_EQ(encoded(*codec_with("log8"), std::vector<float>{1, 2, 3}).size(), 3U);
}

}  // namespace
}  // namespace causeway
