// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 by RFC 3629, section 4: the ranges of its table of well-formed byte sequences.
#include <cstring>

#include "data/documents.h"

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

size_t find_bad_utf8(std::string_view bytes, size_t from) {
  size_t at = from;
  while (at < bytes.size()) {
    uint64_t word = 0;
    if (at + sizeof(word) <= bytes.size()) {
      std::memcpy(&word, bytes.data() + at, sizeof(word));
      if ((word & kHighBits) == 0) {
        at += sizeof(word);
        continue;
      }
    }
    const Part part = part_at(bytes.substr(at));
    if (!part.good) return at;
    at += part.size;
  }
  return bytes.npos;
}

bool is_utf8(std::string_view bytes) { return find_bad_utf8(bytes, 0) == bytes.npos; }

std::string replace_bad_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  size_t done = 0;
  while (true) {
    const size_t bad = find_bad_utf8(bytes, done);
    out += bytes.substr(done, bad == bytes.npos ? bad : bad - done);
    if (bad == bytes.npos) return out;
    out += kReplacement;
    done = bad + part_at(bytes.substr(bad)).size;
  }
}

}  // namespace causeway
