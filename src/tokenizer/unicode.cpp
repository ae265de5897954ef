// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/unicode.h"

#include <utf8proc.h>

#include <cstring>

#include "core/check.h"
#include "tokenizer/unicode_additions.h"

namespace causeway {
namespace {

struct CodeRange {
  uint32_t first, last;
};

// White_Space, which no version of Unicode has changed since 6.3.
constexpr CodeRange kSpaces[] = {
    {0x9, 0xD},       {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
    {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};

// Other_Alphabetic that is no letter, mark or digit; and Join_Control.
constexpr CodeRange kMoreWord[] = {
    {0x24B6, 0x24E9}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}, {0x200C, 0x200D}};

// Numbers that Unicode 17 adds.
constexpr CodeRange kMoreNumeric[] = {{0x11DE0, 0x11DE9}, {0x16FF4, 0x16FF6}};

constexpr uint32_t bit(int category) { return 1U << category; }

constexpr uint32_t kLetters = bit(UTF8PROC_CATEGORY_LU) | bit(UTF8PROC_CATEGORY_LL) |
                              bit(UTF8PROC_CATEGORY_LT) | bit(UTF8PROC_CATEGORY_LM) |
                              bit(UTF8PROC_CATEGORY_LO);
constexpr uint32_t kNumbers =
    bit(UTF8PROC_CATEGORY_ND) | bit(UTF8PROC_CATEGORY_NL) | bit(UTF8PROC_CATEGORY_NO);
constexpr uint32_t kWords = kLetters | bit(UTF8PROC_CATEGORY_MN) | bit(UTF8PROC_CATEGORY_MC) |
                            bit(UTF8PROC_CATEGORY_ME) | bit(UTF8PROC_CATEGORY_ND) |
                            bit(UTF8PROC_CATEGORY_NL) | bit(UTF8PROC_CATEGORY_PC);

uint32_t category_bit(std::string_view name) {
  if (name[0] == 'L') return bit(UTF8PROC_CATEGORY_LO);
  if (name == "No") return bit(UTF8PROC_CATEGORY_NO);
  if (name == "Nd") return bit(UTF8PROC_CATEGORY_ND);
  if (name[0] == 'M') return bit(UTF8PROC_CATEGORY_MN);
  return bit(UTF8PROC_CATEGORY_SO);
}

}  // namespace

const CharTable& CharTable::get() {
  static const CharTable table;
  return table;
}

CharTable::CharTable() {
  auto put = [&](uint32_t code, uint32_t category) {
    const CharKind kind = (category & kLetters) != 0   ? CharKind::kLetter
                          : (category & kNumbers) != 0 ? CharKind::kNumber
                                                       : CharKind::kOther;
    const bool word = (category & kWords) != 0;
    facts_[code] = static_cast<uint8_t>(static_cast<uint8_t>(kind) | (word ? kWord : 0) |
                                        (kind == CharKind::kNumber ? kNumeric : 0));
  };
  for (uint32_t code = 0; code < kCodePoints; ++code)
    put(code, bit(utf8proc_category(static_cast<utf8proc_int32_t>(code))));
  for (const UnicodeRange& range : unicode_additions())
    for (uint32_t code = range.first; code <= range.last; ++code)
      put(code, category_bit(range.category));
  for (const CodeRange& range : kSpaces)
    for (uint32_t code = range.first; code <= range.last; ++code)
      facts_[code] = static_cast<uint8_t>(CharKind::kSpace);
  facts_['\r'] = facts_['\n'] = static_cast<uint8_t>(CharKind::kNewline);
  for (const CodeRange& range : kMoreWord)
    for (uint32_t code = range.first; code <= range.last; ++code) facts_[code] |= kWord;
  for (const CodeRange& range : kMoreNumeric)
    for (uint32_t code = range.first; code <= range.last; ++code) facts_[code] |= kNumeric;
}

void append_code_point(uint32_t code, std::string& text) {
  CW_CHECK(code < kCodePoints && (code < 0xD800 || code > 0xDFFF), "U+{:X}", code);
  char bytes[4];
  const auto count = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code),
                                          reinterpret_cast<utf8proc_uint8_t*>(bytes));
  text.append(bytes, static_cast<size_t>(count));
}

}  // namespace causeway
