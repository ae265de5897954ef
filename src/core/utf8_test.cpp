// SPDX-License-Identifier: Apache-2.0
#include "core/utf8.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

constexpr const char* kMark = "\xEF\xBF\xBD";

std::string marks(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += kMark;
  return out;
}

/// RFC 3629's definition, the other way round: decodes as if all were well, then asks whether the
/// number needs as many bytes and is a character.
bool is_utf8_by_numbers(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t size = lead < 0x80       ? 1
                        : lead >> 5 == 6  ? 2
                        : lead >> 4 == 14 ? 3
                        : lead >> 3 == 30 ? 4
                                          : 0;
    if (size == 0 || i + size > text.size()) return false;
    uint32_t code = size == 1 ? lead : lead & (0x7F >> size);
    for (size_t k = 1; k < size; ++k) {
      if ((text[i + k] & 0xC0) != 0x80) return false;
      code = code << 6 | (text[i + k] & 0x3F);
    }
    const size_t needed = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (needed != size || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    i += size;
  }
  return true;
}

TEST(Utf8, IsWhatTheRfcSays) {
  // Every sequence of a lead byte and bytes at the borders of the ranges.
  const uint8_t borders[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
  for (int lead = 0; lead < 256; ++lead)
    for (const uint8_t second : borders)
      for (const uint8_t third : borders)
        for (const uint8_t fourth : borders) {
          const std::string whole{char(lead), char(second), char(third), char(fourth)};
          for (size_t size = 1; size <= 4; ++size) {
            const std::string text = whole.substr(0, size);
            ASSERT_EQ(is_utf8(text), is_utf8_by_numbers(text)) << lead << " " << int{second};
            ASSERT_TRUE(is_utf8(replace_bad_utf8(text)));
          }
        }
}

TEST(Utf8, EndsWhereItIsNotWellFormed) {
  EXPECT_EQ(well_formed_prefix(""), 0U);
  EXPECT_EQ(well_formed_prefix("plain ASCII, more than eight bytes"), 34U);
  EXPECT_EQ(well_formed_prefix("\u00E9\u20AC\U0001F600"), 9U);
  EXPECT_EQ(well_formed_prefix("12345678\x80"), 8U);
  EXPECT_EQ(well_formed_prefix("ab\xC0\xAF"), 2U) << "an overlong form";
  EXPECT_EQ(well_formed_prefix("\xE0\x9F\xBF"), 0U) << "an overlong form";
  EXPECT_EQ(well_formed_prefix("\xED\xA0\x80"), 0U) << "a surrogate";
  EXPECT_EQ(well_formed_prefix("\xED\x9F\xBF"), 3U);
  EXPECT_EQ(well_formed_prefix("\xF0\x8F\xBF\xBF"), 0U) << "an overlong form";
  EXPECT_EQ(well_formed_prefix("\xF4\x8F\xBF\xBF"), 4U);
  EXPECT_EQ(well_formed_prefix("\xF4\x90\x80\x80"), 0U) << "beyond U+10FFFF";
  EXPECT_EQ(well_formed_prefix("a\xE2\x82"), 1U) << "cut short";
  EXPECT_EQ(ill_formed_prefix("\xE2\x82z\xFF"), 2U);
  EXPECT_EQ(ill_formed_prefix("z"), 0U);
}

TEST(Utf8, IsFoundBadAtAnyPlace) {
  for (size_t at = 0; at < 40; ++at) {
    std::string text(40, 'a');
    EXPECT_EQ(well_formed_prefix(text), text.size());
    text[at] = '\x80';
    EXPECT_EQ(well_formed_prefix(text), at);
  }
}

// The Unicode standard, section 3.9, tables 3-8 to 3-11: U+FFFD for each maximal subpart.
TEST(Utf8, IsReplacedAsUnicodeAdvises) {
  EXPECT_EQ(replace_bad_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), marks(8) + "A");
  EXPECT_EQ(replace_bad_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), marks(8) + "A");
  EXPECT_EQ(replace_bad_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            marks(5) + "A" + marks(2) + "B");
  EXPECT_EQ(replace_bad_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), marks(4) + "A");
  EXPECT_EQ(replace_bad_utf8("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
}

}  // namespace
}  // namespace causeway
