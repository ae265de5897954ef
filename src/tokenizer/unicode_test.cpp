// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/unicode.h"

#include <gtest/gtest.h>

#include "core/utf8.h"
#include "tokenizer/unicode_additions.h"

namespace causeway {
namespace {

TEST(Unicode, ReadsWhatItWrites) {
  for (uint32_t code = 0; code < kCodePoints; code += 7) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    std::string text;
    append_code_point(code, text);
    ASSERT_EQ(well_formed_prefix(text), text.size()) << code;
    ASSERT_EQ(read_code_point(text.data()).code, code);
    ASSERT_EQ(read_code_point(text.data()).bytes, text.size());
    ASSERT_EQ(read_code_point_before(text.data() + text.size()).code, code);
  }
}

TEST(Unicode, KnowsKindsOfCharacters) {
  const CharTable& table = CharTable::get();
  for (const uint32_t letter :
       std::initializer_list<uint32_t>{'a', 'Z', 0xAA, 0xE9, 0x434, 0x4E2D, 0x1884, 0x2EBF0})
    EXPECT_EQ(table.kind(letter), CharKind::kLetter) << letter;
  for (const uint32_t number :
       std::initializer_list<uint32_t>{'0', 0xB2, 0xBD, 0x664, 0x2167, 0x1D7CE, 0x10D40})
    EXPECT_EQ(table.kind(number), CharKind::kNumber) << number;
  for (const uint32_t space :
       std::initializer_list<uint32_t>{' ', '\t', '\v', 0x85, 0xA0, 0x2028, 0x3000})
    EXPECT_EQ(table.kind(space), CharKind::kSpace) << space;
  for (const uint32_t other :
       std::initializer_list<uint32_t>{'_', '.', 0x180E, 0x200B, 0x301, 0x1F600, 0x10FFFF, 0xE000})
    EXPECT_EQ(table.kind(other), CharKind::kOther) << other;
  EXPECT_EQ(table.kind('\r'), CharKind::kNewline);
  EXPECT_EQ(table.kind('\n'), CharKind::kNewline);
  EXPECT_TRUE(table.is_space('\n'));
  for (const uint32_t word :
       std::initializer_list<uint32_t>{'_', 'a', '7', 0x301, 0x200D, 0x24B6, 0x2167})
    EXPECT_TRUE(table.is_word(word)) << word;
  for (const uint32_t other : std::initializer_list<uint32_t>{' ', '-', 0xB2, 0xBD, 0x1F600})
    EXPECT_FALSE(table.is_word(other)) << other;
  EXPECT_TRUE(table.is_numeric(0x11DE0)) << "of Unicode 17";
  EXPECT_FALSE(table.is_numeric('a'));
}

TEST(Unicode, AdditionsAreInOrder) {
  uint32_t end = 0;
  for (const UnicodeRange& range : unicode_additions()) {
    EXPECT_LE(end, range.first);
    EXPECT_LE(range.first, range.last);
    EXPECT_EQ(range.category.size(), 2U);
    end = range.last + 1;
  }
  EXPECT_LE(end, kCodePoints);
}

}  // namespace
}  // namespace causeway
