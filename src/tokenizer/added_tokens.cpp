// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/added_tokens.h"

#include <algorithm>

#include "tokenizer/unicode.h"

namespace causeway {

bool AddedTokenFinder::build(std::vector<Pattern> patterns) {
  patterns_ = std::move(patterns);
  std::ranges::sort(patterns_, {}, &Pattern::text);
  starts_.fill(false);
  for (const Pattern& pattern : patterns_) starts_[static_cast<uint8_t>(pattern.text[0])] = true;
  if (!patterns_.empty() && patterns_.front().text[0] == patterns_.back().text[0])
    only_start_ = patterns_.front().text[0];
  return std::ranges::adjacent_find(patterns_, {}, &Pattern::text) == patterns_.end();
}

std::optional<AddedTokenFinder::Found> AddedTokenFinder::find(std::string_view text,
                                                              size_t from) const {
  if (patterns_.empty()) return std::nullopt;
  for (size_t at = from; at < text.size(); ++at) {
    if (only_start_) {
      at = text.find(*only_start_, at);
      if (at == std::string_view::npos) break;
    } else if (!starts_[static_cast<uint8_t>(text[at])]) {
      continue;
    }
    if (const Pattern* pattern = longest_at(text.substr(at)))
      return Found{at, at + pattern->text.size(), pattern};
  }
  return std::nullopt;
}

const AddedTokenFinder::Pattern* AddedTokenFinder::longest_at(std::string_view text) const {
  // The patterns that share their first `i` bytes with the text are [low, high).
  auto low = patterns_.begin(), high = patterns_.end();
  const Pattern* longest = nullptr;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte_at = [i](const Pattern& pattern) {
      return pattern.text.size() > i ? static_cast<uint8_t>(pattern.text[i]) : -1;
    };
    const auto same =
        std::ranges::equal_range(low, high, static_cast<uint8_t>(text[i]), {}, byte_at);
    low = same.begin();
    high = same.end();
    if (low == high) break;
    if (low->text.size() == i + 1) longest = &*low;
  }
  return longest;
}

bool AddedTokenFinder::stands_alone(std::string_view text, size_t begin, size_t end) {
  const CharTable& table = CharTable::get();
  if (begin > 0 && table.is_word(read_code_point_before(text.data() + begin).code)) return false;
  return end == text.size() || !table.is_word(read_code_point(text.data() + end).code);
}

size_t AddedTokenFinder::spaces_before(std::string_view text, size_t at) {
  while (at > 0) {
    const CodePoint point = read_code_point_before(text.data() + at);
    if (!CharTable::get().is_space(point.code)) break;
    at -= point.bytes;
  }
  return at;
}

size_t AddedTokenFinder::spaces_after(std::string_view text, size_t at) {
  while (at < text.size()) {
    const CodePoint point = read_code_point(text.data() + at);
    if (!CharTable::get().is_space(point.code)) break;
    at += point.bytes;
  }
  return at;
}

}  // namespace causeway
