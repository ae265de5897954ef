// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "codec/test_codec.h"
#include "codec/zstd_bytes.h"
#include "core/random.h"

namespace causeway {
namespace {

// Codes of which some come more often, without words that repeat: what is saved are Huffman's bits,
// at the levels below 0 as well, where zstd by itself has none.
TEST(Zstd, PacksCodesAtEveryLevel) {
  const Random random(62, Stream::kSample);
  Bytes plain(16'384);
  std::array<double, 16> counts{};
  for (size_t i = 0; i < plain.size(); ++i) {
    const double u = random.uniform(i);
    const auto code = static_cast<size_t>(16 * u * u * u);
    plain[i] = static_cast<std::byte>(code);
    ++counts[code];
  }
  double bits = 0;
  for (const double count : counts)
    if (count > 0) bits -= count * std::log2(count / 16'384);
  for (const int level : {kZstdLevelMin, -1, 1, 5, kZstdLevelMax}) {
    Bytes packed, got(plain.size());
    append_zstd(plain, level, packed);
    EXPECT_LT(static_cast<double>(packed.size()), 1.2 * bits / 8 + 100) << level;
    ASSERT_TRUE(read_zstd(packed, got).ok());
    EXPECT_EQ(got, plain);
  }
}

TEST(Zstd, GivesTheSameBytesWhateverItsThreadPackedBefore) {
  const Bytes plain(5000, std::byte{3}), other(70'000, std::byte{9});
  Bytes first, second, between;
  append_zstd(plain, 3, first);
  append_zstd(other, -7, between);
  append_zstd(plain, 3, second);
  EXPECT_EQ(first, second);
}

// A frame may claim to be of any size: what is set aside is ours to say.
TEST(Zstd, RefusesFramesOfOtherSizes) {
  Bytes packed, small(99), large(101);
  append_zstd(Bytes(100, std::byte{1}), 1, packed);
  EXPECT_FALSE(read_zstd(packed, small).ok());
  EXPECT_FALSE(read_zstd(packed, large).ok());
  EXPECT_FALSE(read_zstd({}, small).ok());
}

}  // namespace
}  // namespace causeway
