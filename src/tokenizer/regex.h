// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace causeway {

/// A compiled regular expression: immutable and thread-safe. What matching writes to is a
/// RegexScratch of the thread.
class RegexScratch {
 public:
  RegexScratch();
  ~RegexScratch();

 private:
  friend class Regex;
  struct State;
  std::unique_ptr<State> state_;
};

class Regex {
 public:
  /// `pattern` in PCRE2's syntax; `where` begins the message of Fault::kBadInput.
  static Result<std::shared_ptr<const Regex>> compile(const std::string& pattern,
                                                      const std::string& where);
  ~Regex();

  /// Begin and end of the first match at or after byte `from` of `text`, which is well-formed
  /// UTF-8. None if there is none, or if finding it takes more steps than a bound.
  std::optional<std::pair<size_t, size_t>> find(std::string_view text, size_t from,
                                                RegexScratch& scratch) const;

 private:
  struct State;
  explicit Regex(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace causeway
