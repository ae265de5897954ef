// SPDX-License-Identifier: Apache-2.0
#include "data/input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "data/packed_bytes.h"

namespace causeway {
namespace {

using testing::HasSubstr;

Result<std::string> read_all(std::string_view packed, Packing packing, size_t step = 1000) {
  const auto input = unpack(memory_input(std::as_bytes(std::span(packed))), packing, "a.file");
  std::string out;
  std::vector<char> part(step);
  while (true) {
    CW_ASSIGN(const size_t got, input->read(part));
    if (got == 0) return out;
    out.append(part.data(), got);
  }
}

std::string sample(size_t size) {
  std::string out;
  while (out.size() < size)
    out += fmt::format("line {} of many, {}\n", out.size(), out.size() * 7919);
  return out.substr(0, size);
}

struct Packer {
  Packing packing;
  std::string (*pack)(std::string_view);
};
const Packer kPackers[] = {{Packing::kGzip, gzip},
                           {Packing::kZstd, [](std::string_view text) { return zstd(text); }}};

TEST(Input, UnpacksWhatWasPackedInAnySteps) {
  for (const Packer& packer : kPackers)
    for (const size_t size : {0U, 1U, 1000U, 700'000U})
      for (const size_t step : {1000U, 1U << 20}) {
        const std::string text = sample(size);
        const auto read = read_all(packer.pack(text), packer.packing, step);
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_EQ(*read, text);
      }
}

TEST(Input, UnpacksMembersOneAfterTheOther) {
  for (const Packer& packer : kPackers) {
    const std::string packed = packer.pack("one ") + packer.pack("") + packer.pack("two");
    const auto read = read_all(packed, packer.packing);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, "one two");
  }
}

TEST(Input, TellsEveryTruncation) {
  for (const Packer& packer : kPackers) {
    const std::string packed = packer.pack("a few words that are cut off");
    for (size_t size = 0; size < packed.size(); ++size) {
      const auto read = read_all(packed.substr(0, size), packer.packing);
      ASSERT_FALSE(read) << size;
      EXPECT_EQ(read.error().fault, Fault::kCorrupt);
      EXPECT_THAT(read.error().message, HasSubstr("a.file"));
    }
  }
}

TEST(Input, TellsChangedBytesOrGivesTheSame) {
  for (const Packer& packer : kPackers) {
    const std::string text = sample(3000), packed = packer.pack(text);
    int told = 0;
    for (size_t i = 0; i < packed.size(); ++i) {
      std::string changed = packed;
      changed[i] = static_cast<char>(changed[i] ^ 0x10);
      const auto read = read_all(changed, packer.packing);
      if (read)
        EXPECT_EQ(*read, text) << i;
      else
        ++told;
    }
    EXPECT_GT(told, static_cast<int>(packed.size()) * 9 / 10);
  }
}

TEST(Input, TakesZerosAfterGzipAndNothingElse) {
  EXPECT_TRUE(read_all(gzip("x") + std::string(600, '\0'), Packing::kGzip));
  EXPECT_FALSE(read_all(gzip("x") + "more", Packing::kGzip));
  EXPECT_FALSE(read_all(gzip("x") + std::string(3, '\0') + gzip("y"), Packing::kGzip));
  EXPECT_FALSE(read_all(zstd("x") + "more", Packing::kZstd));
}

TEST(Input, RefusesAWindowThatWouldTakeTooMuchMemory) {
  EXPECT_TRUE(read_all(zstd("x", 27), Packing::kZstd));
  const auto read = read_all(zstd("x", 28), Packing::kZstd);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("128 MiB"));
}

TEST(Input, SkipsAsFarAsThereIsSomething) {
  const std::string packed = gzip("0123456789");
  for (const int64_t count : {0, 4, 10, 11}) {
    const auto input = unpack(memory_input(std::as_bytes(std::span(packed))), Packing::kGzip, "a");
    const auto there = input->skip(count);
    ASSERT_TRUE(there);
    EXPECT_EQ(*there, count <= 10);
    char next = '-';
    const auto got = input->read({&next, 1});
    ASSERT_TRUE(got);
    EXPECT_EQ(*got, count < 10 ? 1U : 0U);
    EXPECT_EQ(next, count < 10 ? static_cast<char>('0' + count) : '-');
  }
}

}  // namespace
}  // namespace causeway
