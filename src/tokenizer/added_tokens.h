// SPDX-License-Identifier: Apache-2.0
//
// Tokens that are found in the text before it is cut into words, as Hugging Face's tokenizers finds
// them: leftmost, and of those the longest.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace causeway {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool single_word = false;  ///< only where no character of a word is beside it
  bool lstrip = false;       ///< takes white space on its left
  bool rstrip = false;       ///< takes white space on its right
  bool normalized = true;    ///< looked for in normalised text
  bool special = false;
};

/// Finds some added tokens. Immutable and thread-safe.
class AddedTokenFinder {
 public:
  struct Pattern {
    std::string text;  ///< not empty
    AddedToken token;
  };
  /// Two patterns with the same text are a mistake of the file: false.
  bool build(std::vector<Pattern> patterns);

  /// Calls `text(part)` for each stretch without a token and `token(id)` for each token, in order.
  template <class Text, class Token>
  void split(std::string_view all, Text&& text, Token&& token) const {
    size_t done = 0, from = 0;
    while (from < all.size()) {
      const std::optional<Found> found = find(all, from);
      if (!found) break;
      from = found->end;
      size_t begin = found->begin, end = found->end;
      const AddedToken& what = found->pattern->token;
      if (what.single_word && !stands_alone(all, begin, end)) continue;
      if (what.lstrip) begin = std::max(spaces_before(all, begin), done);
      if (what.rstrip) end = spaces_after(all, end);
      if (done < begin) text(all.substr(done, begin - done));
      // A token before may have taken all of this one as white space.
      if (begin < end) token(what.id);
      done = begin <= end ? end : done;
    }
    if (done < all.size()) text(all.substr(done));
  }

 private:
  struct Found {
    size_t begin, end;
    const Pattern* pattern;
  };

  std::optional<Found> find(std::string_view text, size_t from) const;
  const Pattern* longest_at(std::string_view text) const;
  static bool stands_alone(std::string_view text, size_t begin, size_t end);
  static size_t spaces_before(std::string_view text, size_t at);
  static size_t spaces_after(std::string_view text, size_t at);

  std::vector<Pattern> patterns_;  ///< sorted by text
  std::array<bool, 256> starts_{};
  std::optional<char> only_start_;  ///< the first byte of all patterns
};

}  // namespace causeway
