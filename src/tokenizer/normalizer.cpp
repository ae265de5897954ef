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
#include "tokenizer/unicode_additions.h"

namespace causeway {
namespace {

using Json = nlohmann::json;
using Codes = std::vector<utf8proc_int32_t>;

constexpr int kNormalizerDepthMax = 8;
// No character below it changes or composes with one before it.
constexpr uint32_t kFirstUnsafe = 0x300;

// The tokenizers package normalises by the tables of Unicode 9. These marks came later: it neither
// moves nor composes them, and equal tokens need the same.
struct Marks {
  uint32_t first, last;
};
constexpr Marks kLaterMarks[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27},
    {0x10EAB, 0x10EAC}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070},
    {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A}, {0x11930, 0x11930},
    {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34},
    {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45},
    {0x11D97, 0x11D97}, {0x16FF0, 0x16FF1}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE},
    {0x1E2EC, 0x1E2EF}};

Result<bool> parse_at(const Json& value, const std::string& where, int depth) {
  if (value.is_null()) return false;
  CW_ASSIGN(const std::string type, type_of(value, where));
  if (type == "NFC") return true;
  if (type != "Sequence" || depth == kNormalizerDepthMax)
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

/// What normalising does with a character.
enum class Role : uint8_t {
  kSafe,     ///< begins a stretch that can be worked on by itself
  kUnsafe,   ///< may change, or compose with what is before it
  kBarrier,  ///< stays, and nothing composes with it
};

class Roles {
 public:
  Roles() : roles_(kCodePoints, Role::kSafe) {
    Codes codes;
    for (uint32_t code = 0; code < kCodePoints; ++code) {
      if (code >= 0xAC00 && code <= 0xD7A3) continue;  // Hangul syllables stay as they are.
      const auto signed_code = static_cast<utf8proc_int32_t>(code);
      const utf8proc_property_t* property = utf8proc_get_property(signed_code);
      if (property->combining_class != 0) roles_[code] = Role::kUnsafe;
      if (property->decomp_seqindex == UINT16_MAX || property->decomp_type != 0) continue;
      codes.clear();
      decompose(code, codes);
      for (size_t i = 1; i < codes.size(); ++i)
        roles_[static_cast<size_t>(codes[i])] = Role::kUnsafe;
      compose(codes);
      if (codes != Codes{signed_code}) roles_[code] = Role::kUnsafe;
    }
    // Vowels and trailing consonants of Hangul compose by arithmetic, not by a table.
    for (uint32_t code = 0x1161; code <= 0x11C2; ++code) roles_[code] = Role::kUnsafe;
    const auto stays = [&](uint32_t first, uint32_t last) {
      for (uint32_t code = first; code <= last; ++code) roles_[code] = Role::kBarrier;
    };
    for (const Marks& marks : kLaterMarks) stays(marks.first, marks.last);
    for (const UnicodeRange& range : unicode_additions()) stays(range.first, range.last);
  }

  Role of(uint32_t code) const { return code < kFirstUnsafe ? Role::kSafe : roles_[code]; }

 private:
  std::vector<Role> roles_;
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
  static const Roles roles;
  Codes codes;
  size_t copied = 0, safe = 0;
  bool changed = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = read_code_point(text.data() + at);
    const Role role = roles.of(point.code);
    if (role != Role::kUnsafe) {
      safe = role == Role::kSafe ? at : at + point.bytes;
      at += point.bytes;
      continue;
    }
    size_t end = at;
    while (end < text.size()) {
      const CodePoint next = read_code_point(text.data() + end);
      if (roles.of(next.code) != Role::kUnsafe) break;
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
