// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "net/object_store.h"

namespace causeway {
namespace {

constexpr size_t kKeyBytesMax = 512;

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-' || c == '/';
}

bool is_bad_part(std::string_view part) { return part.empty() || part == "." || part == ".."; }

// Whether a part that a slash ends is bad; the rest is in `text` then.
bool has_bad_part(std::string_view& text) {
  for (size_t slash = text.find('/'); slash != text.npos; slash = text.find('/')) {
    if (is_bad_part(text.substr(0, slash))) return true;
    text.remove_prefix(slash + 1);
  }
  return false;
}

bool has_bad_character(std::string_view text) {
  return text.size() > kKeyBytesMax || !std::all_of(text.begin(), text.end(), is_key_character);
}

}  // namespace

Result<void> check_object_key(std::string_view key) {
  std::string_view rest = key;
  if (has_bad_character(key) || has_bad_part(rest) || is_bad_part(rest))
    return failure(
        Fault::kBadInput,
        "got an object key of {} bytes that is none; wanted: 1 to {} of [A-Za-z0-9._/-], "
        "without parts that are empty, `.` or `..`",
        key.size(), kKeyBytesMax);
  return {};
}

Result<void> check_object_prefix(std::string_view prefix) {
  std::string_view rest = prefix;
  if (has_bad_character(prefix) || has_bad_part(rest))
    return failure(Fault::kBadInput,
                   "got a prefix of {} bytes that no object key begins with; wanted: up to {} of "
                   "[A-Za-z0-9._/-]",
                   prefix.size(), kKeyBytesMax);
  return {};
}

}  // namespace causeway
