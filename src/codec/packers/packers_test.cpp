// SPDX-License-Identifier: Apache-2.0
//
// The contract of Packer, over every packer there is.
#include <gtest/gtest.h>

#include "codec/packer.h"
#include "core/random.h"

namespace causeway {
namespace {

std::unique_ptr<Packer> packer_of(const Entry<Packer>* entry) {
  Mistakes mistakes;
  return entry->make(Value(), mistakes);
}

/// `kinds` byte values, the lower ones more often.
Bytes skewed_bytes(size_t size, uint64_t kinds, uint64_t seed = 3) {
  const Random random(seed, Stream::kSample);
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) {
    const double u = random.uniform(i);
    bytes[i] = static_cast<std::byte>(static_cast<uint64_t>(u * u * static_cast<double>(kinds)));
  }
  return bytes;
}

class EveryPacker : public testing::TestWithParam<const Entry<Packer>*> {
 protected:
  Bytes packed(ByteSpan plain, size_t width = 2) const {
    Bytes bytes;
    packer_->pack(plain, width, bytes);
    return bytes;
  }
  Result<void> unpacked(ByteSpan bytes, std::span<std::byte> plain, size_t width = 2) const {
    // A copy of its own, so that a sanitizer sees a read past its end.
    return packer_->unpack(Bytes(bytes.begin(), bytes.end()), width, plain);
  }
  const std::unique_ptr<Packer> packer_ = packer_of(GetParam());
};

TEST_P(EveryPacker, GivesBytesBack) {
  for (const size_t width : {2, 4})
    for (const size_t size : {0, 4, 8, 100, 5000, 65'536})
      for (const uint64_t kinds : {1, 2, 3, 17, 256}) {
        const Bytes plain = skewed_bytes(size, kinds);
        Bytes got(size, std::byte{0xaa});
        const auto result = unpacked(packed(plain, width), got, width);
        ASSERT_TRUE(result.ok()) << result.error().message;
        ASSERT_EQ(got, plain) << size << " of " << kinds;
      }
}

TEST_P(EveryPacker, Appends) {
  const Bytes plain = skewed_bytes(100, 5);
  Bytes bytes(3, std::byte{7});
  packer_->pack(plain, 2, bytes);
  EXPECT_EQ(Bytes(bytes.begin() + 3, bytes.end()), packed(plain));
}

TEST_P(EveryPacker, RefusesTruncationsExtensionsAndOtherSizes) {
  const Bytes plain = skewed_bytes(600, 20), whole = packed(plain);
  Bytes out(600);
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(unpacked(ByteSpan(whole).first(size), out).ok()) << size;
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(unpacked(longer, out).ok());
  for (const size_t size : {0, 2, 500, 700, 5000}) {
    Bytes other(size);
    EXPECT_FALSE(unpacked(whole, other).ok()) << size;
  }
}

TEST_P(EveryPacker, UnpacksAnyBytesWithoutHarm) {
  const Random random(5, Stream::kSample);
  for (uint64_t trial = 0; trial < 4000; ++trial) {
    Bytes bytes = packed(skewed_bytes(2 * random.below(8 * trial, 200), 30, trial));
    if (trial % 4 == 0)
      for (size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(random.bits((trial << 32) + i));
    for (uint64_t change = 0; change < 1 + trial % 3 && !bytes.empty(); ++change)
      bytes[random.below(8 * trial + 1 + change, bytes.size())] ^=
          static_cast<std::byte>(1 + random.below(8 * trial + 4 + change, 255));
    Bytes out(2 * random.below(8 * trial + 7, 200));
    const auto result = unpacked(bytes, out);
    if (!result.ok()) {
      EXPECT_EQ(result.error().fault, Fault::kCorrupt);
    }
  }
}

TEST_P(EveryPacker, NeverAddsMoreThanAByte) {
  const Random random(6, Stream::kSample);
  for (const size_t size : {2, 30, 1000, 40'000}) {
    Bytes noise(size);
    for (size_t i = 0; i < size; ++i) noise[i] = static_cast<std::byte>(random.bits(i));
    for (const size_t head : {size_t{0}, size_t{2}, size}) {
      Bytes bytes, memory;
      append_packed(*packer_, noise, {head, 2}, bytes);
      EXPECT_LE(bytes.size(), size + 1);
      const auto got = causeway::unpacked(*packer_, bytes, {head, 2}, size, memory);
      ASSERT_TRUE(got.ok());
      EXPECT_TRUE(std::ranges::equal(*got, noise));
    }
  }
}

TEST_P(EveryPacker, ClaimsSetNoMemoryAside) {
  const Bytes plain = skewed_bytes(5000, 2);
  Bytes bytes, memory;
  append_packed(*packer_, plain, {8, 2}, bytes);
  ASSERT_EQ(bytes[0], std::byte{1});
  EXPECT_TRUE(causeway::unpacked(*packer_, bytes, {8, 2}, 5000, memory).ok());
  memory = Bytes();
  EXPECT_FALSE(causeway::unpacked(*packer_, bytes, {8, 2}, 4999, memory).ok());
  bytes[12] = std::byte{0x7f};
  EXPECT_FALSE(causeway::unpacked(*packer_, bytes, {8, 2}, 5000, memory).ok());
  EXPECT_EQ(memory.capacity(), 0u);
  bytes[0] = std::byte{2};
  EXPECT_FALSE(causeway::unpacked(*packer_, bytes, {8, 2}, 5000, memory).ok());
}

std::string packer_name(const testing::TestParamInfo<const Entry<Packer>*>& info) {
  return std::string(info.param->name);
}
INSTANTIATE_TEST_SUITE_P(Packers, EveryPacker, testing::ValuesIn(packers()), packer_name);

}  // namespace
}  // namespace causeway
