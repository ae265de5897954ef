// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tokenizer/byte_symbols.h"
#include "tokenizer/tokenizer.h"

namespace causeway {
namespace {

TEST(BytesTokenizer, TokensAreBytes) {
  const auto tokenizer = bytes_tokenizer();
  std::vector<int32_t> tokens;
  const std::string text("a\0\xff\xc3\xa9", 5);
  tokenizer->encoder()->encode(text, tokens);
  EXPECT_THAT(tokens, testing::ElementsAre('a', 0, 255, 0xc3, 0xa9));
  EXPECT_EQ(decode(*tokenizer, tokens), text);
  EXPECT_EQ(tokenizer->bytes_of(256), "");
  EXPECT_EQ(tokenizer->bytes_of(-1), "");
}

TEST(BytesTokenizer, IsReadBackFromItsJson) {
  const auto read = parse_tokenizer(bytes_tokenizer()->json(), "bytes");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ((*read)->digest(), bytes_tokenizer()->digest());
  std::string other = bytes_tokenizer()->json();
  const size_t at = other.find("\"use_regex\": false");
  ASSERT_NE(at, other.npos);
  other.replace(at, 18, "\"use_regex\": true");
  const auto split = parse_tokenizer(other, "split");
  ASSERT_TRUE(split) << split.error().message;
  EXPECT_NE((*split)->digest(), bytes_tokenizer()->digest());
}

TEST(ByteSymbols, AreOneCharacterForEachByteAndBack) {
  EXPECT_EQ(byte_symbol('a'), "a");
  EXPECT_EQ(byte_symbol(' '), "\xc4\xa0");   // U+0120
  EXPECT_EQ(byte_symbol('\n'), "\xc4\x8a");  // U+010A
  EXPECT_EQ(byte_symbol(0xad), "\xc5\x83");  // U+0143
  std::string all, bytes;
  for (int byte = 0; byte < 256; ++byte) {
    all += byte_symbol(static_cast<uint8_t>(byte));
    bytes += static_cast<char>(byte);
  }
  EXPECT_EQ(bytes_of_symbols(all), bytes);
  for (const char* bad : {" ", "\xc5\x84", "\xc4", "\xe2\x82\xac", "\xff"})
    EXPECT_EQ(bytes_of_symbols(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace causeway
