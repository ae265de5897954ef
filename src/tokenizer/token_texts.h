// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace causeway {

/// Texts with a number each, found by text. Open addressing over one buffer: a quarter of the
/// memory of a map of strings, and no pointer to follow but one.
class TokenTexts {
 public:
  static constexpr int32_t kNone = -1;

  /// False if the text is there already.
  bool add(std::string_view text, int32_t token);
  /// kNone if there is no such text.
  int32_t find(std::string_view text) const;

  size_t size() const { return entries_.size(); }
  std::string_view text(size_t index) const {
    return std::string_view(buffer_).substr(entries_[index].begin, entries_[index].bytes);
  }
  int32_t token(size_t index) const { return entries_[index].token; }

 private:
  struct Entry {
    size_t begin;
    uint32_t bytes;
    int32_t token;
  };

  size_t slot_of(std::string_view text) const;
  void grow();

  std::string buffer_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> slots_;  ///< one more than an entry's index; 0: empty
};

}  // namespace causeway
