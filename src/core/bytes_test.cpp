// SPDX-License-Identifier: Apache-2.0
#include "core/bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace causeway {
namespace {

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(Bytes, AreLittleEndianAndUnpadded) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.put(uint8_t{0x01});
  writer.put(uint32_t{0x11223344});
  writer.put(int16_t{-2});
  writer.put(1.0f);
  writer.put_text("hi");
  EXPECT_EQ(bytes, bytes_of({0x01, 0x44, 0x33, 0x22, 0x11, 0xfe, 0xff, 0, 0, 0x80, 0x3f,  //
                             2, 0, 0, 0, 'h', 'i'}));
}

TEST(Bytes, ComeBackAsTheyWereWritten) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.put(true);
  writer.put(int64_t{INT64_MIN});
  writer.put(-0.25);
  writer.put_text("");
  writer.put_text(std::string_view("a\0b", 3));
  ByteReader reader(bytes);
  EXPECT_TRUE(reader.get<bool>().value());
  EXPECT_EQ(reader.get<int64_t>().value(), INT64_MIN);
  EXPECT_EQ(reader.get<double>().value(), -0.25);
  EXPECT_EQ(reader.get_text(0).value(), "");
  EXPECT_EQ(reader.get_text(3).value(), std::string_view("a\0b", 3));
  EXPECT_EQ(reader.left(), 0u);
}

// Each array is a heap object of exactly its size, so that a sanitizer sees a read past the end.
TEST(ByteReader, NeverReadsPastTheEnd) {
  for (size_t size = 0; size < 8; ++size) {
    const Bytes bytes(size);
    ByteReader reader(bytes);
    const auto got = reader.get<uint64_t>();
    ASSERT_FALSE(got.ok()) << size;
    EXPECT_EQ(got.error().fault, Fault::kCorrupt);
    EXPECT_EQ(reader.left(), size);
    EXPECT_FALSE(reader.take(size + 1).ok());
    EXPECT_FALSE(reader.take(SIZE_MAX).ok());
    EXPECT_TRUE(reader.take(size).ok());
    EXPECT_FALSE(reader.get<uint8_t>().ok());
  }
}

TEST(ByteReader, BoundsTexts) {
  const Bytes cut = bytes_of({3, 0, 0, 0, 'a', 'b'});
  EXPECT_FALSE(ByteReader(cut).get_text(100).ok());
  const Bytes huge = bytes_of({0xff, 0xff, 0xff, 0xff, 'a'});
  EXPECT_FALSE(ByteReader(huge).get_text(SIZE_MAX).ok());
  const Bytes whole = bytes_of({2, 0, 0, 0, 'a', 'b'});
  const auto refused = ByteReader(whole).get_text(1);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, testing::HasSubstr("a text of 2 bytes, at most 1"));
  EXPECT_EQ(ByteReader(whole).get_text(2).value(), "ab");
}

TEST(ByteReader, RefusesABoolThatIsNone) {
  const Bytes bytes = bytes_of({2});
  const auto got = ByteReader(bytes).get<bool>();
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().message, "got byte 2 where 0 or 1 was wanted");
}

}  // namespace
}  // namespace causeway
