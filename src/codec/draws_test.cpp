// SPDX-License-Identifier: Apache-2.0
#include "codec/draws.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

// Wherever a call begins, a value has the word of its index in the stream of Philox blocks.
TEST(Draws, AreWordsOfPhiloxByIndex) {
  const uint64_t seed = 0x123456789abcdef0;
  for (const int64_t begin : {int64_t{0}, int64_t{1}, int64_t{255}, (int64_t{1} << 34) - 3}) {
    std::vector<uint32_t> got(700);
    rounding_bits(seed, begin, got);
    for (size_t i = 0; i < got.size(); ++i) {
      const uint64_t index = static_cast<uint64_t>(begin) + i;
      const auto block =
          philox({static_cast<uint32_t>(index / 4), static_cast<uint32_t>(index / 4 >> 32),
                  static_cast<uint32_t>(Stream::kRounding), 1},
                 {0x9abcdef0, 0x12345678});
      ASSERT_EQ(got[i], block[index % 4]) << index;
    }
  }
}

TEST(Draws, TakeEachPositionAsOften) {
  std::array<int, 20> counts{};
  std::array<uint16_t, 5> drawn;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    draw_positions(seed, 20, 5, drawn);
    for (const uint16_t one : drawn) ++counts[one];
  }
  // 1000 each, with a deviation of 27.
  for (const int count : counts) EXPECT_NEAR(count, 1000, 5 * 27);
}

}  // namespace
}  // namespace causeway
