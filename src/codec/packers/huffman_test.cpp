// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "codec/packer.h"

namespace causeway {
namespace {

std::unique_ptr<Packer> make_huffman() {
  Mistakes mistakes;
  return make_plugin(packers(), "packer", Plugin{"huffman", {}}, mistakes);
}

Bytes bytes_of(std::initializer_list<int> list) {
  Bytes bytes;
  for (const int one : list) bytes.push_back(static_cast<std::byte>(one));
  return bytes;
}

Bytes packed(const Bytes& plain) {
  Bytes bytes;
  make_huffman()->pack(plain, 0, bytes);
  return bytes;
}

bool reads(const Bytes& bytes, size_t size) {
  Bytes out(size);
  return make_huffman()->unpack(bytes, 0, out).ok();
}

TEST(Huffman, StatesItsLayout) {
  // 5 thrice, 6 and 9 once: lengths 1, 2, -, -, 2; codes 0, 10, 11: 0 0 10 0 11.
  EXPECT_EQ(packed(bytes_of({5, 5, 6, 5, 9})), bytes_of({5, 9, 0x21, 0x00, 0x02, 0b00100110}));
  EXPECT_EQ(packed(bytes_of({7, 7, 7})), bytes_of({7, 7, 0x01, 0}));
}

// The mean length lies within a bit of the entropy, and here, of many kinds, much nearer.
TEST(Huffman, ComesNearTheEntropy) {
  Bytes plain;
  double bits = 0;
  for (int kind = 0; kind < 15; ++kind) {
    const int count = 100 * (kind + 1);
    plain.insert(plain.end(), static_cast<size_t>(count), static_cast<std::byte>(kind));
    bits -= count * std::log2(count / 12'000.0);
  }
  EXPECT_LT(static_cast<double>(packed(plain).size()), bits / 8 * 1.02 + 12);
  EXPECT_GT(static_cast<double>(packed(plain).size()), bits / 8);
}

// Counts of Fibonacci would make codes of 24 bits.
TEST(Huffman, LimitsItsLengths) {
  Bytes plain;
  size_t count = 1, before = 1;
  for (int kind = 0; kind < 25; ++kind) {
    plain.insert(plain.end(), count, static_cast<std::byte>(kind));
    std::swap(count, before);
    count += before;
  }
  const Bytes bytes = packed(plain);
  Bytes out(plain.size());
  ASSERT_TRUE(make_huffman()->unpack(bytes, 0, out).ok());
  EXPECT_EQ(out, plain);
  EXPECT_LT(bytes.size(), plain.size() / 2);
}

TEST(Huffman, RefusesWhatIsNoCompleteCode) {
  const Bytes good = packed(bytes_of({5, 5, 6, 5, 9}));
  EXPECT_TRUE(reads(good, 5));
  const auto with = [&](size_t at, int value) {
    Bytes bad = good;
    bad[at] = static_cast<std::byte>(value);
    return reads(bad, 5);
  };
  EXPECT_FALSE(with(0, 10));                          // from 10 to 9
  EXPECT_FALSE(with(2, 0x11));                        // more than complete
  EXPECT_FALSE(with(2, 0x31));                        // less
  EXPECT_FALSE(with(2, 0xf1));                        // too long
  EXPECT_FALSE(with(2, 0x20));                        // none at an end
  EXPECT_FALSE(with(4, 0x12));                        // behind the end
  EXPECT_FALSE(with(5, 0b00100111));                  // the rest of the last byte
  EXPECT_FALSE(reads(bytes_of({7, 7, 0x02, 0}), 3));  // one byte, two bits
  EXPECT_FALSE(reads(bytes_of({7, 7, 0x01, 0x80}), 3));
}

}  // namespace
}  // namespace causeway
