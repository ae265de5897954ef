// SPDX-License-Identifier: Apache-2.0
#include "train/half.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <vector>

#include "core/random.h"

namespace causeway {
namespace {

float float_of(uint32_t bits) { return std::bit_cast<float>(bits); }

// Goal: LibTorch's rounding. Method: every 16-bit value widened, its neighbours in float32, the
// middle to the next one and that middle's neighbours; then random bits. NaN is another test's.
TEST(Half, RoundsAsLibTorchDoes) {
  const auto expect_same = [](uint32_t bits) {
    const float value = float_of(bits);
    if (value != value) return;
    ASSERT_EQ(to_half(value), c10::Half(value).x) << value;
    ASSERT_EQ(to_bf16(value), c10::BFloat16(value).x) << value;
  };
  for (uint32_t half = 0; half < 65'536; ++half)
    for (const uint32_t wide : {std::bit_cast<uint32_t>(static_cast<float>(c10::Half(
                                    static_cast<uint16_t>(half), c10::Half::from_bits()))),
                                half << 16})
      for (const uint32_t offset :
           {0u, 1u, 0x0fffu, 0x1000u, 0x1001u, 0x7fffu, 0x8000u, 0x8001u, ~0u})
        expect_same(wide + offset);
  const Random random(1, Stream::kSample);
  for (uint64_t i = 0; i < 300'000; ++i) expect_same(static_cast<uint32_t>(random.bits(i)));
}

TEST(Half, KeepsBitsThatHaveACounterpart) {
  for (uint32_t bits = 0; bits < 65'536; ++bits) {
    const auto small = static_cast<uint16_t>(bits);
    ASSERT_EQ(to_bf16(float_of(bits << 16)), small);
    const bool special = (bits & 0x7c00) == 0x7c00;  // infinity and NaN
    const float wide = special ? float_of((bits & 0x8000) << 16 | 0x7f800000 | (bits & 0x3ff) << 13)
                               : static_cast<float>(c10::Half(small, c10::Half::from_bits()));
    ASSERT_EQ(to_half(wide), small);
  }
}

TEST(Half, KeepsNaNFromBecomingInfinite) {
  EXPECT_EQ(to_bf16(float_of(0x7f800001)), 0x7fc0);
  EXPECT_EQ(to_half(float_of(0xff800001)), 0xfe00);
}

TEST(Half, CountsWhatIsLost) {
  const float most = std::numeric_limits<float>::max();
  const float infinite = std::numeric_limits<float>::infinity();
  const std::vector<float> values{1, -most, infinite, 65'504, 65'519, 65'520, -1e30f};
  std::vector<uint16_t> out(values.size());
  EXPECT_EQ(to_half(values, out), 3u);
  EXPECT_EQ(out[4], 0x7bff);
  EXPECT_EQ(out[5], 0x7c00);
  EXPECT_EQ(to_bf16(values, out), 1u);
}

}  // namespace
}  // namespace causeway
