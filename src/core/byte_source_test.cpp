// SPDX-License-Identifier: Apache-2.0
#include "core/byte_source.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

Bytes counting(size_t count) {
  Bytes out(count);
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<std::byte>(i * 131 >> 3);
  return out;
}

/// The same bytes where they have to be read, with the most that was read at once.
ByteSource elsewhere(const Bytes& bytes, size_t& most) {
  return {std::ssize(bytes), [&bytes, &most](int64_t offset, std::span<std::byte> out) {
            most = std::max(most, out.size());
            std::copy_n(bytes.begin() + offset, out.size(), out.begin());
            return Result<void>();
          }};
}

// Goal: whether bytes lie in memory or elsewhere makes no difference but that of memory.
TEST(ByteSource, IsTheSameInMemoryAndElsewhere) {
  const Bytes bytes = counting(5'000'000);
  size_t most = 0;
  for (const ByteSource& source : {ByteSource(bytes), elsewhere(bytes, most)}) {
    EXPECT_EQ(source.size(), 5'000'000);
    EXPECT_EQ(source.all().value(), bytes);
    most = 0;
    const ByteSource part = source.slice(1'000, 4'000'000).slice(24, 3'999'000);
    ByteSourceReader reader(part);
    Bytes got;
    for (int64_t count = 1; reader.left() > 0; count = (count * 7 + 1) % 70'000) {
      const auto piece = reader.take(std::min(count, reader.left()));
      ASSERT_TRUE(piece.ok());
      got.insert(got.end(), piece->begin(), piece->end());
    }
    EXPECT_EQ(got, Bytes(bytes.begin() + 1'024, bytes.begin() + 1'024 + 3'999'000));
    EXPECT_LE(most, size_t{1} << 20);
  }
}

TEST(ByteSource, WhatIsNotThereIsCorrupt) {
  ByteSourceReader reader{ByteSource(counting(10))};
  EXPECT_TRUE(reader.take(4).ok());
  EXPECT_EQ(reader.take(7).error().fault, Fault::kCorrupt);
  EXPECT_EQ(reader.take(-1).error().fault, Fault::kCorrupt);
  EXPECT_TRUE(reader.take(6).ok());
}

TEST(ByteSource, TroubleOfReadingIsTold) {
  ByteSourceReader reader{ByteSource(100, [](int64_t, std::span<std::byte>) -> Result<void> {
    return failure(Fault::kIo, "gone");
  })};
  EXPECT_EQ(reader.take(4).error().message, "gone");
}

}  // namespace
}  // namespace causeway
