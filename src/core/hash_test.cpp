// SPDX-License-Identifier: Apache-2.0
#include "core/hash.h"

#include <gtest/gtest.h>

#include <functional>

#include "core/random.h"

namespace causeway {
namespace {

ByteSpan span_of(std::string_view text) { return std::as_bytes(std::span(text)); }

Bytes noise(size_t size) {
  const Random random(1, Stream::kSample);
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(random.bits(i));
  return bytes;
}

// Known answers of XXH3's 128 bits with seed 0, as the authors' xxhsum -H2 prints them.
TEST(Digest, GivesThePublishedAnswers) {
  EXPECT_EQ(digest_of(std::string_view()).hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(digest_of("abc").hex(), "06b05ab6733a618578af5f94892f3950");
}

TEST(Digest, KeepsLeadingZerosAndOrder) {
  const Digest small{1, 2};
  EXPECT_EQ(small.hex(), "00000000000000010000000000000002");
  EXPECT_LT(small, (Digest{1, 3}));
  EXPECT_LT((Digest{0, 9}), small);
}

// XXH3 has paths of their own up to 16, 128, 240 and above.
TEST(Hasher, OfPartsIsTheDigestOfTheWhole) {
  for (const size_t size : {0, 1, 16, 17, 128, 129, 240, 241, 1024, 5000}) {
    const Bytes bytes = noise(size);
    for (const size_t cut : {size_t{0}, size / 3, size}) {
      Hasher hasher;
      hasher.add(ByteSpan(bytes).first(cut));
      hasher.add(ByteSpan(bytes).subspan(cut));
      EXPECT_EQ(hasher.digest(), digest_of(bytes)) << size << " cut at " << cut;
    }
  }
}

class Crc32c : public testing::TestWithParam<uint32_t (*)(ByteSpan, uint32_t)> {};

// Known answers of RFC 3720, B.4, and the check value of the CRC catalogue.
TEST_P(Crc32c, GivesThePublishedAnswers) {
  const auto crc = GetParam();
  EXPECT_EQ(crc(span_of("123456789"), 0), 0xe3069283u);
  EXPECT_EQ(crc({}, 0), 0u);
  Bytes bytes(32);
  EXPECT_EQ(crc(bytes, 0), 0x8a9136aau);
  bytes.assign(32, std::byte{0xff});
  EXPECT_EQ(crc(bytes, 0), 0x62a8ab43u);
  for (size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::byte>(i);
  EXPECT_EQ(crc(bytes, 0), 0x46dd794eu);
}

TEST_P(Crc32c, OfPartsIsThatOfTheWhole) {
  const auto crc = GetParam();
  const Bytes bytes = noise(61);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    const uint32_t first = crc(ByteSpan(bytes).first(cut), 0);
    EXPECT_EQ(crc(ByteSpan(bytes).subspan(cut), first), crc(bytes, 0)) << cut;
  }
}

// Long enough to be folded, with every kind of rest.
TEST(Crc32c, OfLongBytesIsThatOfTheTables) {
  const Bytes bytes = noise(20'000);
  for (size_t size = 500; size < bytes.size(); size += 131)
    for (const uint32_t before : {0u, 0xe3069283u})
      EXPECT_EQ(crc32c(ByteSpan(bytes).first(size), before),
                crc32c_portable(ByteSpan(bytes).first(size), before))
          << size;
}

INSTANTIATE_TEST_SUITE_P(Paths, Crc32c, testing::Values(&crc32c, &crc32c_portable));

}  // namespace
}  // namespace causeway
