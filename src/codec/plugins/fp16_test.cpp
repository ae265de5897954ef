// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "codec/test_codec.h"

namespace causeway {
namespace {

std::vector<float> through_half(const std::vector<float>& values) {
  return round_trip(*codec_with("fp16"), values);
}

// Goal: the code is IEEE's. Method: the compiler's own half type, over every finite half.
TEST(Fp16, KeepsEveryHalf) {
  std::vector<float> halves;
  for (uint32_t code = 0; code < 0x10000; ++code) {
    const auto value = static_cast<float>(std::bit_cast<_Float16>(static_cast<uint16_t>(code)));
    if (std::isfinite(value)) halves.push_back(value);
    if (halves.size() < 8192 && code < 0xffff) continue;
    EXPECT_EQ(through_half(halves), halves);
    halves.clear();
  }
}

TEST(Fp16, RoundsAsTheCompilerDoes) {
  std::vector<float> values, wanted;
  for (int i = 0; i < 8000; ++i) {
    values.push_back(std::ldexp(1.0f + static_cast<float>(i) / 8192 * 1.000123f, i % 44 - 28));
    wanted.push_back(static_cast<float>(static_cast<_Float16>(values.back())));
  }
  EXPECT_EQ(through_half(values), wanted);
}

TEST(Fp16, SaturatesInsteadOfOverflowing) {
  EXPECT_EQ(through_half({1e6f, -1e6f, 65519.0f}), (std::vector{65504.0f, -65504.0f, 65504.0f}));
}

TEST(Fp16, RefusesWhatIsNotFinite) {
  for (const uint16_t half : {0x7c00, 0xfc00, 0x7e00, 0xffff}) {
    const std::vector<uint16_t> values = {0x3c00, half, 0x3c00};
    std::vector<float> out(3);
    EXPECT_FALSE(codec_with("fp16")->decode(std::as_bytes(std::span(values)), out).ok());
  }
}

}  // namespace
}  // namespace causeway
