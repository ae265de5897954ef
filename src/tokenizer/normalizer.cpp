// SPDX-License-Identifier: Apache-2.0
//
// Normalisation form C (Unicode Standard Annex 15) by utf8proc's tables. Most text is composed
// already, so only stretches around characters that may change are worked on: from the last safe
// character before to the next one. A safe character has combining class 0, decomposes to itself
// and composes with nothing before it.
#include "tokenizer/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "tokenizer/json_fields.h"
#include "tokenizer/unicode.h"

namespace causeway {
namespace {

using Json = nlohmann::json;
using Codes = std::vector<utf8proc_int32_t>;

constexpr int kDepthMax = 8;
// No character below it changes or composes with one before it.
constexpr uint32_t kFirstUnsafe = 0x300;

Result<bool> parse_at(const Json& value, const std::string& where, int depth) {
  if (value.is_null()) return false;
  CW_ASSIGN(const std::string type, type_of(value, where));
  if (type == "NFC") return true;
  if (type != "Sequence" || depth == kDepthMax)
    return failure(Fault::kBadInput, "{}: the kind \"{}\" is not supported here; only NFC is",
                   where, type);
  CW_ASSIGN(const Json* list, array_field(value, "normalizers", where));
  bool nfc = false;
  for (size_t i = 0; i < list->size(); ++i) {
    CW_ASSIGN(const bool one,
              parse_at((*list)[i], fmt::format("{}.normalizers[{}]", where, i), depth + 1));
    nfc = nfc || one;
  }
  return nfc;
}

utf8proc_propval_t combining_class(utf8proc_int32_t code) {
  return utf8proc_get_property(code)->combining_class;
}

/// Appends the canonical decomposition.
void decompose(uint32_t code, Codes& out) {
  utf8proc_int32_t parts[8];
  const auto count = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(code), parts, std::size(parts),
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), nullptr);
  out.insert(out.end(), parts, parts + std::clamp<utf8proc_ssize_t>(count, 0, std::size(parts)));
}

/// Orders and composes what has been decomposed.
void compose(Codes& codes) {
  // Marks between starters are sorted by class, equal ones stay as they came.
  const auto is_starter = [](auto code) { return combining_class(code) == 0; };
  for (auto at = codes.begin(); at != codes.end();) {
    const auto begin = std::find_if_not(at, codes.end(), is_starter);
    const auto end = std::find_if(begin, codes.end(), is_starter);
    std::stable_sort(begin, end,
                     [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    at = end;
  }
  const auto left =
      utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  codes.resize(static_cast<size_t>(std::max<utf8proc_ssize_t>(left, 0)));
}

/// The characters that may change or compose with one before them.
class UnsafeCharacters {
 public:
  UnsafeCharacters() : unsafe_(kCodePoints) {
    Codes codes;
    for (uint32_t code = 0; code < kCodePoints; ++code) {
      if (code >= 0xAC00 && code <= 0xD7A3) continue;  // Hangul syllables stay as they are.
      const auto signed_code = static_cast<utf8proc_int32_t>(code);
      const utf8proc_property_t* property = utf8proc_get_property(signed_code);
      if (property->combining_class != 0) unsafe_[code] = true;
      if (property->decomp_seqindex == UINT16_MAX || property->decomp_type != 0) continue;
      codes.clear();
      decompose(code, codes);
      for (size_t i = 1; i < codes.size(); ++i) unsafe_[static_cast<size_t>(codes[i])] = true;
      compose(codes);
      if (codes != Codes{signed_code}) unsafe_[code] = true;
    }
    // Vowels and trailing consonants of Hangul compose by arithmetic, not by a table.
    for (uint32_t code = 0x1161; code <= 0x11C2; ++code) unsafe_[code] = true;
  }

  bool has(uint32_t code) const { return code >= kFirstUnsafe && unsafe_[code]; }

 private:
  std::vector<bool> unsafe_;
};

void append_normalized(std::string_view text, Codes& codes, std::string& out) {
  codes.clear();
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = read_code_point(text.data() + at);
    decompose(point.code, codes);
    at += point.bytes;
  }
  compose(codes);
  for (const utf8proc_int32_t code : codes) append_code_point(static_cast<uint32_t>(code), out);
}

}  // namespace

Result<bool> parse_normalizer(const Json& value, const std::string& name) {
  return parse_at(value, name + ": normalizer", 0);
}

std::string_view normalize_nfc(std::string_view text, std::string& scratch) {
  static const UnsafeCharacters unsafe;
  Codes codes;
  size_t copied = 0, safe = 0;
  bool changed = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = read_code_point(text.data() + at);
    if (!unsafe.has(point.code)) {
      safe = at;
      at += point.bytes;
      continue;
    }
    size_t end = at;
    while (end < text.size()) {
      const CodePoint next = read_code_point(text.data() + end);
      if (!unsafe.has(next.code)) break;
      end += next.bytes;
    }
    if (!changed) scratch.clear();
    changed = true;
    scratch += text.substr(copied, safe - copied);
    append_normalized(text.substr(safe, end - safe), codes, scratch);
    copied = safe = at = end;
  }
  if (!changed) return text;
  scratch += text.substr(copied);
  return scratch;
}

}  // namespace causeway
