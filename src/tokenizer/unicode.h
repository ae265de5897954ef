// SPDX-License-Identifier: Apache-2.0
//
// Code points, and what Unicode 16 says about them, as far as tokenizers ask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace causeway {

/// What a character is to the patterns that cut text into words.
enum class CharKind : uint8_t { kOther, kLetter, kNumber, kSpace, kNewline };

constexpr uint32_t kCodePoints = 0x110000;

/// Facts about code points. Made once, on first use; then thread-safe and immutable.
class CharTable {
 public:
  static const CharTable& get();

  /// Letter: L; number: N; space: White_Space; newline: carriage return and line feed only.
  CharKind kind(uint32_t code) const { return static_cast<CharKind>(facts_[code] & kKindMask); }
  bool is_space(uint32_t code) const { return kind(code) >= CharKind::kSpace; }
  /// What `\w` is to Rust's regex: letters, marks, digits, connectors and the like.
  bool is_word(uint32_t code) const { return (facts_[code] & kWord) != 0; }
  /// What Rust's char::is_numeric is (Unicode 17).
  bool is_numeric(uint32_t code) const { return (facts_[code] & kNumeric) != 0; }
  /// One byte per code point; bits 0 to 2 are a CharKind.
  const uint8_t* facts() const { return facts_; }

  static constexpr uint8_t kKindMask = 7;

 private:
  static constexpr uint8_t kWord = 8;
  static constexpr uint8_t kNumeric = 16;

  CharTable();

  uint8_t facts_[kCodePoints];
};

struct CodePoint {
  uint32_t code;
  uint32_t bytes;
};

/// The character at `text`, which is well-formed UTF-8.
inline CodePoint read_code_point(const char* text) {
  const auto byte = [&](int i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[i])); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (lead < 0xF0) return {(lead & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(lead & 7) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

/// The character that ends where `end` is, in well-formed UTF-8.
inline CodePoint read_code_point_before(const char* end) {
  const char* start = end - 1;
  while ((static_cast<uint8_t>(*start) & 0xC0) == 0x80) --start;
  return read_code_point(start);
}

void append_code_point(uint32_t code, std::string& text);

}  // namespace causeway
