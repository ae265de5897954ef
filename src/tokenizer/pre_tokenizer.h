// SPDX-License-Identifier: Apache-2.0
//
// Cuts text into words, as the `pre_tokenizer` of a tokenizer.json says.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "tokenizer/learn.h"
#include "tokenizer/regex.h"
#include "tokenizer/word_scanner.h"

namespace causeway {

/// What becomes of a match and of what lies between matches.
enum class SplitBehavior : uint8_t {
  kIsolated = 1,
  kRemoved = 2,
  kMergedWithPrevious = 3,
  kMergedWithNext = 4,
  kContiguous = 5,
};

/// A stretch of a text, in bytes.
struct Stretch {
  size_t begin, end;
};

/// Immutable and thread-safe; scratch memory is the caller's.
class PreTokenizer {
 public:
  struct Step {
    enum class Kind : uint8_t { kWords = 1, kRegex = 2, kDigits = 3 };
    Kind kind = Kind::kRegex;
    Words words = Words::kGpt2;
    std::shared_ptr<const Regex> regex;
    SplitBehavior behavior = SplitBehavior::kIsolated;
    bool invert = false;
  };
  struct Match {
    Stretch at;
    bool is_match;
  };
  struct Scratch {
    RegexScratch regex;
    std::vector<Stretch> stretches, next;
    std::vector<Match> matches;
    std::string prefixed;
  };

  /// Reads the JSON value. Fault::kBadInput names what is wrong or not supported.
  static Result<PreTokenizer> parse(const nlohmann::json& value, const std::string& name);

  /// Calls `visit(word)` for each word of `text`, well-formed UTF-8, in order. A word lives until
  /// `visit` returns.
  template <class Visit>
  void each_word(std::string_view text, Scratch& scratch, Visit&& visit) const {
    if (text.empty()) return;
    if (is_plain()) {
      each_scanned(plain_words(), text, visit);
      return;
    }
    cut(text, scratch);
    for (const Stretch& stretch : scratch.stretches) {
      const std::string_view part =
          prefixed(text.substr(stretch.begin, stretch.end - stretch.begin), scratch);
      if (level_words_)
        each_scanned(Words::kGpt2, part, visit);
      else
        visit(part);
    }
  }

  /// Says the same as another text only if both cut alike.
  const std::string& identity() const { return identity_; }

 private:
  template <class Visit>
  static void each_scanned(Words words, std::string_view text, Visit&& visit) {
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = word_end(words, text, begin);
      visit(text.substr(begin, end - begin));
      begin = end;
    }
  }

  Result<void> add(const nlohmann::json& value, const std::string& where, int depth);
  Result<void> add_split(const nlohmann::json& value, const std::string& where);
  Result<void> add_byte_level(const nlohmann::json& value, const std::string& where);

  /// Whether one of the known patterns does it all.
  bool is_plain() const {
    return !prefix_space_ &&
           (level_words_ ? steps_.empty()
                         : steps_.size() == 1 && steps_[0].kind == Step::Kind::kWords);
  }
  Words plain_words() const { return level_words_ ? Words::kGpt2 : steps_[0].words; }
  void cut(std::string_view text, Scratch& scratch) const;
  std::string_view prefixed(std::string_view part, Scratch& scratch) const;

  std::vector<Step> steps_;
  bool has_level_ = false;
  bool prefix_space_ = false;
  bool level_words_ = false;
  std::string identity_;
};

}  // namespace causeway
