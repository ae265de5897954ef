// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 by RFC 3629, section 4: the ranges of its table of well-formed byte sequences.
#include "core/utf8.h"

#include <cstdint>
#include <cstring>

namespace causeway {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Bytes of a sequence that begins with a lead byte, and the range of its second byte. Later ones
/// are 80 to BF.
struct Sequence {
  size_t size = 0;  ///< 0: no lead byte
  uint8_t low = 0x80, high = 0xBF;
};

Sequence sequence_of(uint8_t lead) {
  if (lead < 0x80) return {1};
  if (lead < 0xC2) return {};
  if (lead < 0xE0) return {2};
  if (lead < 0xF0)
    return {3, uint8_t(lead == 0xE0 ? 0xA0 : 0x80), uint8_t(lead == 0xED ? 0x9F : 0xBF)};
  if (lead < 0xF5)
    return {4, uint8_t(lead == 0xF0 ? 0x90 : 0x80), uint8_t(lead == 0xF4 ? 0x8F : 0xBF)};
  return {};
}

struct Part {
  size_t size;  ///< of a character, or of the longest head of one, at least 1
  bool good;
};

Part part_at(std::string_view bytes) {
  const Sequence sequence = sequence_of(static_cast<uint8_t>(bytes[0]));
  if (sequence.size == 0) return {1, false};
  for (size_t i = 1; i < sequence.size; ++i) {
    if (i == bytes.size()) return {i, false};
    const auto byte = static_cast<uint8_t>(bytes[i]);
    if (byte < (i == 1 ? sequence.low : 0x80) || byte > (i == 1 ? sequence.high : 0xBF))
      return {i, false};
  }
  return {sequence.size, true};
}

}  // namespace

size_t well_formed_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t word = 0;
    if (at + sizeof(word) <= text.size()) {
      std::memcpy(&word, text.data() + at, sizeof(word));
      if ((word & kHighBits) == 0) {
        at += sizeof(word);
        continue;
      }
    }
    const Part part = part_at(text.substr(at));
    if (!part.good) break;
    at += part.size;
  }
  return at;
}

size_t ill_formed_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Part part = part_at(text.substr(at));
    if (part.good) break;
    at += part.size;
  }
  return at;
}

bool is_utf8(std::string_view text) { return well_formed_prefix(text) == text.size(); }

std::string replace_bad_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    const size_t good = well_formed_prefix(text);
    out += text.substr(0, good);
    text.remove_prefix(good);
    if (text.empty()) return out;
    out += kReplacement;
    text.remove_prefix(part_at(text).size);
  }
}

}  // namespace causeway
