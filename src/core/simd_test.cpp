// SPDX-License-Identifier: Apache-2.0
#include "core/simd.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "core/bf16.h"
#include "core/random.h"

namespace causeway {
namespace {

// Goal: every instruction set gives the same bits. Method: a loop with products, sums, a quotient
// and a root, once as the compiler's baseline has it and once as chosen for this machine.
TEST(Simd, GivesTheBitsOfTheBaseline) {
  const Random random(3, Stream::kSample, 0);
  std::vector<float> x(1003), y(x.size()), baseline(x.size()), chosen(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(random.normal(i));
    y[i] = static_cast<float>(random.normal(x.size() + i));
  }
  const auto loop = [&](std::vector<float>& out) {
    for (size_t i = 0; i < x.size(); ++i)
      out[i] = x[i] * y[i] + y[i] / (std::sqrt(x[i] * x[i]) + 1e-3f);
  };
  loop(baseline);
  with_simd([&] { loop(chosen); });
  EXPECT_EQ(baseline, chosen);
}

TEST(Simd, HasAName) {
  EXPECT_GE(simd(), Simd::kBaseline);
  EXPECT_NE(simd_name(simd()), "unknown");
}

// Values halfway between two neighbours go to the even one: 1 + 2^-8 and 1 + 3 * 2^-8.
TEST(Bf16, RoundsToNearestEven) {
  EXPECT_EQ(Bf16(1.0f).bits, 0x3f80);
  EXPECT_EQ(Bf16(1.0f + 0x1p-8f).bits, 0x3f80);
  EXPECT_EQ(Bf16(1.0f + 0x1.8p-7f).bits, 0x3f82);
  EXPECT_EQ(Bf16(1.0f + 0x1.2p-8f).bits, 0x3f81);
  EXPECT_EQ(Bf16(-0.0f).bits, 0x8000);
  EXPECT_EQ(Bf16(std::numeric_limits<float>::max()).bits, 0x7f80);  // infinity
  EXPECT_TRUE(std::isnan(static_cast<float>(Bf16(std::bit_cast<float>(0x7f800001)))));
  EXPECT_TRUE(std::isnan(static_cast<float>(Bf16(std::bit_cast<float>(0xffffffff)))));
  for (uint32_t bits = 0; bits < 0x7f80; ++bits) {
    const float value = std::bit_cast<float>(bits << 16);
    ASSERT_EQ(static_cast<float>(Bf16(value)), value);
  }
}

}  // namespace
}  // namespace causeway
