// SPDX-License-Identifier: Apache-2.0
#include "data/shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/test_files.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// As the documentation of the format says it, without shard_header().
template <class Token>
Bytes shard(const std::vector<Token>& tokens, const std::vector<uint64_t>& ends,
            uint64_t vocabulary = 300) {
  Bytes out;
  ByteWriter writer(out);
  writer.put(std::as_bytes(std::span("CWSHARD1", 8)));
  writer.put(static_cast<uint32_t>(sizeof(Token)));
  writer.put(uint32_t{0});
  writer.put(static_cast<uint64_t>(tokens.size()));
  writer.put(static_cast<uint64_t>(ends.size()));
  writer.put(vocabulary);
  writer.put(uint64_t{0x0123456789abcdef});
  writer.put(uint64_t{0xfedcba9876543210});
  writer.put(uint64_t{0});
  writer.put(std::as_bytes(std::span(tokens)));
  while (out.size() % 8 != 0) writer.put(uint8_t{0});
  writer.put(std::as_bytes(std::span(ends)));
  return out;
}

Bytes llmc(int32_t magic, int32_t version, int32_t count, ByteSpan tokens) {
  Bytes out;
  ByteWriter writer(out);
  for (const int32_t field : {magic, version, count}) writer.put(field);
  out.resize(1024);
  writer.put(tokens);
  return out;
}

template <class Token>
void expect_read(const Bytes& bytes) {
  const auto read = Shard::parse(bytes, "x.bin");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->tokens(), 5);
  EXPECT_EQ(read->documents(), 2);
  EXPECT_EQ(read->vocabulary(), 300);
  EXPECT_EQ(read->token_bytes(), static_cast<int32_t>(sizeof(Token)));
  EXPECT_EQ(read->tokenizer()->hex(), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(read->document_end(0), 2);
  EXPECT_EQ(read->document_end(1), 5);
  EXPECT_EQ(read->largest_token(), 299);
  std::vector<int32_t> tokens(3);
  read->copy(1, tokens);
  EXPECT_THAT(tokens, ElementsAre(299, 0, 17));
}

TEST(Shard, ReadsTokensOfBothWidths) {
  expect_read<uint16_t>(shard<uint16_t>({1, 299, 0, 17, 4}, {2, 5}));
  expect_read<uint32_t>(shard<uint32_t>({1, 299, 0, 17, 4}, {2, 5}));
}

TEST(Shard, ReadsAFile) {
  const std::string path = test_folder() + "/x.bin";
  const Bytes bytes = shard<uint16_t>({1, 2, 3}, {3});
  write_text(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const auto read = Shard::open(path);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->name(), path);
  EXPECT_EQ(read->largest_token(), 3);
}

TEST(Shard, HasTheHeaderThatIsDocumented) {
  const Bytes bytes = shard<uint32_t>({1, 2}, {2});
  const ShardHeader header{4, 2, 1, 300, {0x0123456789abcdef, 0xfedcba9876543210}};
  EXPECT_EQ(shard_header(header), Bytes(bytes.begin(), bytes.begin() + 64));
}

TEST(Shard, ReadsLlmC) {
  const std::vector<uint16_t> narrow{50256, 5, 65535};
  const std::vector<uint32_t> wide{128000, 5};
  const Bytes first = llmc(20240520, 1, 3, std::as_bytes(std::span(narrow)));
  const Bytes second = llmc(20240801, 7, 2, std::as_bytes(std::span(wide)));
  const auto gpt2 = Shard::parse(first, "a"), llama = Shard::parse(second, "b");
  ASSERT_TRUE(gpt2) << gpt2.error().message;
  ASSERT_TRUE(llama) << llama.error().message;
  EXPECT_EQ(gpt2->largest_token(), 65535);
  EXPECT_EQ(llama->largest_token(), 128000);
  EXPECT_EQ(gpt2->documents(), 0);
  EXPECT_EQ(gpt2->vocabulary(), 0);
  EXPECT_FALSE(gpt2->tokenizer());
  std::vector<int32_t> tokens(2);
  llama->copy(0, tokens);
  EXPECT_THAT(tokens, ElementsAre(128000, 5));
  EXPECT_FALSE(Shard::parse(llmc(20240520, 2, 3, std::as_bytes(std::span(narrow))), "a"));
  EXPECT_FALSE(Shard::parse(llmc(20240520, 1, 4, std::as_bytes(std::span(narrow))), "a"));
  EXPECT_FALSE(Shard::parse(llmc(20240520, 1, -1, {}), "a"));
}

TEST(Shard, MayBeEmpty) {
  const Bytes bytes = shard<uint16_t>({}, {});
  const auto read = Shard::parse(bytes, "x");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->tokens(), 0);
  EXPECT_EQ(read->largest_token(), 0);
}

void put_u64(Bytes& bytes, size_t at, uint64_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

TEST(Shard, RefusesHeadersThatLie) {
  const Bytes good = shard<uint16_t>({1, 2, 3, 4, 5}, {2, 5});
  ASSERT_TRUE(Shard::parse(good, "x"));
  struct Lie {
    size_t at;
    uint64_t value;
    const char* why;
  };
  const size_t ends = 64 + 16;
  const Lie lies[] = {{0, 1, "no token shard"},
                      {8, 3, "tokens of 3 bytes"},
                      {8, uint64_t{1} << 32 | 2, "reserved"},
                      {16, 6, "last document"},  // takes as much room: the ends tell
                      {16, uint64_t{1} << 63, "are said to be"},
                      {16, 0x8000000000000005, "are said to be"},
                      {24, 0, "take"},
                      {24, 0x2000000000000002, "are said to be"},
                      {32, 0, "vocabulary"},
                      {32, 65537, "vocabulary"},
                      {56, 1, "reserved"},
                      {72, uint64_t{1} << 32 | 5, "padding"},
                      {ends, 0, "document 0"},
                      {ends, 5, "document 1"},
                      {ends + 8, 4, "last document"},
                      {ends + 8, 6, "last document"}};
  for (const Lie& lie : lies) {
    Bytes bytes = good;
    put_u64(bytes, lie.at, lie.value);
    const auto read = Shard::parse(bytes, "x.bin");
    ASSERT_FALSE(read) << lie.why;
    EXPECT_EQ(read.error().fault, Fault::kCorrupt);
    EXPECT_THAT(read.error().message, HasSubstr("x.bin: "));
    EXPECT_THAT(read.error().message, HasSubstr(lie.why));
  }
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(Shard::parse(ByteSpan(good).first(size), "x")) << size;
}

}  // namespace
}  // namespace causeway
