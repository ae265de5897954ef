// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/word_scanner.h"

namespace causeway {
namespace {

constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";

/// Walks through one text. A position is a pointer to the start of a character, or the end.
class Scanner {
 public:
  explicit Scanner(std::string_view text)
      : facts_(CharTable::get().facts()), end_(text.data() + text.size()) {}

  struct Char {
    CharKind kind;
    uint32_t bytes;
  };

  /// The character at `at`, which is before the end.
  Char look(const char* at) const {
    const CodePoint point = read_code_point(at);
    return {static_cast<CharKind>(facts_[point.code] & CharTable::kKindMask), point.bytes};
  }

  const char* skip(const char* at, CharKind kind) const {
    while (at < end_) {
      const Char next = look(at);
      if (next.kind != kind) break;
      at += next.bytes;
    }
    return at;
  }

  const char* skip_up_to(const char* at, CharKind kind, int count) const {
    for (; count > 0 && at < end_; --count) {
      const Char next = look(at);
      if (next.kind != kind) break;
      at += next.bytes;
    }
    return at;
  }

  bool is(const char* at, CharKind kind) const { return at < end_ && look(at).kind == kind; }

  /// `\s+(?!\S)|\s+`: white space, but for the last character of a run that something follows,
  /// unless it is the only one. With `lines`, `\s*[\r\n]+` comes first.
  const char* space(const char* begin, bool lines) const {
    const char *at = begin, *last = begin, *line = nullptr;
    while (at < end_) {
      const Char next = look(at);
      if (next.kind < CharKind::kSpace) break;
      last = at;
      at += next.bytes;
      if (next.kind == CharKind::kNewline) line = at;
    }
    if (lines && line != nullptr) return line;
    return at == end_ || last == begin ? at : last;
  }

  /// After `'s` and the like at `at`, where an apostrophe is; `at` if there is none.
  const char* contraction(const char* at, bool any_case) const {
    const auto byte = [&](int i) -> int {
      if (at + i >= end_) return 0;
      const char c = at[i];
      return any_case && c >= 'A' && c <= 'Z' ? c | 0x20 : static_cast<uint8_t>(c);
    };
    switch (byte(1)) {
      case 's':
      case 't':
      case 'm':
      case 'd':
        return at + 2;
      case 'r':
      case 'v':
        return byte(2) == 'e' ? at + 3 : at;
      case 'l':
        return byte(2) == 'l' ? at + 3 : at;
      // U+017F is a long s, the same letter but for its case.
      case 0xC5:
        return any_case && byte(2) == 0xBF ? at + 3 : at;
      default:
        return at;
    }
  }

  const char* gpt2(const char* begin) const {
    if (*begin == '\'')
      if (const char* at = contraction(begin, false); at != begin) return at;
    const char* at = *begin == ' ' ? begin + 1 : begin;
    if (at < end_) {
      const Char next = look(at);
      if (next.kind < CharKind::kSpace) return skip(at + next.bytes, next.kind);
    }
    return space(begin, false);
  }

  const char* llama3(const char* begin, int digits_max) const {
    if (*begin == '\'')
      if (const char* at = contraction(begin, true); at != begin) return at;
    const Char first = look(begin);
    const char* at = begin + first.bytes;
    if (first.kind == CharKind::kLetter) return skip(at, CharKind::kLetter);
    if (first.kind == CharKind::kNumber) return skip_up_to(at, CharKind::kNumber, digits_max - 1);
    if (first.kind != CharKind::kNewline && is(at, CharKind::kLetter))
      return skip(at, CharKind::kLetter);
    if (first.kind == CharKind::kOther || (*begin == ' ' && is(at, CharKind::kOther)))
      return skip(skip(at, CharKind::kOther), CharKind::kNewline);
    return space(begin, true);
  }

 private:
  const uint8_t* facts_;
  const char* end_;
};

}  // namespace

std::string_view pattern_of(Words words) {
  switch (words) {
    case Words::kGpt2:
      return kGpt2Pattern;
    case Words::kLlama3:
      return kLlama3Pattern;
    case Words::kQwen2:
      break;
  }
  return kQwen2Pattern;
}

std::optional<Words> words_of(std::string_view pattern) {
  for (const Words words : {Words::kGpt2, Words::kLlama3, Words::kQwen2})
    if (pattern == pattern_of(words)) return words;
  return std::nullopt;
}

size_t word_end(Words words, std::string_view text, size_t begin) {
  const Scanner scanner(text);
  const char* const at = text.data() + begin;
  const char* end = nullptr;
  switch (words) {
    case Words::kGpt2:
      end = scanner.gpt2(at);
      break;
    case Words::kLlama3:
      end = scanner.llama3(at, 3);
      break;
    case Words::kQwen2:
      end = scanner.llama3(at, 1);
      break;
  }
  return static_cast<size_t>(end - text.data());
}

}  // namespace causeway
