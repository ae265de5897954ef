// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "codec/test_codec.h"

namespace causeway {
namespace {

TEST(Threshold, SendsWhatReachesIt) {
  const std::vector<float> values = {0.5f, -0.5f, std::nextafter(0.5f, 0.0f), 3.0f, 0.0f, -0.0f};
  EXPECT_EQ(through(*codec_from("threshold(0.5)|fp32"), values),
            (std::vector{0.5f, -0.5f, 0.0f, 3.0f, 0.0f, 0.0f}));
}

// 0.1 lies between two floats: the one below it does not reach it.
TEST(Threshold, IsTheNumberItSays) {
  const float above = 0.1f, below = std::nextafter(0.1f, 0.0f);
  ASSERT_GT(double{above}, 0.1);
  EXPECT_EQ(through(*codec_from("threshold(0.1)|fp32"), std::vector{above, below}),
            (std::vector{above, 0.0f}));
  const float low = 0.7f;
  ASSERT_LT(double{low}, 0.7);
  EXPECT_EQ(through(*codec_from("threshold(0.7)|fp32"), std::vector{low}), std::vector{0.0f});
}

TEST(Threshold, OfNothingSendsAllButZeros) {
  std::vector<float> values(100, 0.0f);
  values[50] = 1e-45f;
  int64_t bytes = 0;
  EXPECT_EQ(through(*codec_from("threshold(0)|fp32"), values, 1, &bytes), values);
  EXPECT_LT(bytes, 20);
}

}  // namespace
}  // namespace causeway
