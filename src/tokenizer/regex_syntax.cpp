// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/regex_syntax.h"

#include <algorithm>
#include <array>

#include "core/utf8.h"
#include "tokenizer/unicode.h"
#include "tokenizer/unicode_additions.h"

namespace causeway {
namespace {

constexpr std::array<std::string_view, 37> kCategories = {
    "C",  "Cc", "Cf", "Cn", "Co", "L",  "Ll", "Lm", "Lo", "Lt", "Lu", "M",  "Mc",
    "Me", "Mn", "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Pe", "Pf", "Pi", "Po",
    "Ps", "S",  "Sc", "Sk", "Sm", "So", "Z",  "Zl", "Zp", "Zs", ""};
constexpr std::array<std::string_view, 3> kScripts = {"Han", "Hiragana", "Katakana"};
constexpr std::string_view kSpaceClass = R"(\p{White_Space})";
// Oniguruma counts some numbers of Latin-1 as letters of words.
constexpr std::string_view kMoreWordClass =
    R"(\p{Nl}\p{Pc}\x{b2}\x{b3}\x{b9}\x{bc}-\x{be}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149})"
    R"(\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";

template <size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return !name.empty() && std::ranges::find(names, name) != names.end();
}

std::string code_escape(uint32_t code) { return fmt::format("\\x{{{:x}}}", code); }

void append_ranges(std::span<const UnicodeRange> ranges, std::string_view name, std::string& out) {
  for (const UnicodeRange& range : ranges) {
    if (!range.category.starts_with(name)) continue;
    out += code_escape(range.first);
    if (range.last != range.first) out += "-" + code_escape(range.last);
  }
}

/// What stands within [...] for a property; "" if it is not supported.
std::string property_items(std::string_view name) {
  std::string out;
  if (is_one_of(name, kCategories)) {
    // What has been assigned since is no longer "unassigned", which a class cannot take away.
    if (name == "C" || name == "Cn") return {};
    out = fmt::format("\\p{{{}}}", name);
    append_ranges(unicode_additions(), name, out);
  } else if (is_one_of(name, kScripts)) {
    out = fmt::format("\\p{{sc:{}}}", name);
    append_ranges(script_additions(), name, out);
  }
  return out;
}

std::string word_items() {
  return property_items("L") + property_items("M") + property_items("Nd") +
         std::string(kMoreWordClass);
}

class Translator {
 public:
  Translator(std::string_view in, const std::string& where) : in_(in), where_(where) {}

  Result<std::string> run() {
    while (!at_end()) CW_TRY(part());
    return std::move(out_);
  }

 private:
  bool at_end() const { return at_ >= in_.size(); }
  char peek(size_t ahead = 0) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }
  bool take(std::string_view text) {
    if (!in_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  Error refuse(std::string_view what) const {
    return failure(Fault::kBadInput, "{}: `{}` at byte {} of the pattern is not supported", where_,
                   what, at_);
  }

  Result<void> part() {
    switch (peek()) {
      case '\\':
        return escape(false);
      case '[':
        return character_class();
      case '(':
        return group();
      case '{':
        return counts();
      case '*':
      case '+':
      case '?':
      case '|':
      case ')':
      case '.':
      case '^':
      case '$':
        out_ += in_[at_++];
        return {};
      default:
        return literal();
    }
  }

  /// A character that stands for itself, here or in a class.
  Result<void> literal() {
    const CodePoint point = read_code_point(in_.data() + at_);
    at_ += point.bytes;
    append_literal(point.code);
    return {};
  }

  void append_literal(uint32_t code) {
    const bool plain = (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') ||
                       (code >= 'a' && code <= 'z');
    if (plain)
      out_ += static_cast<char>(code);
    else
      out_ += code_escape(code);
  }

  Result<void> group() {
    for (const std::string_view opening :
         {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?i)"}) {
      if (!take(opening)) continue;
      out_ += opening;
      return {};
    }
    if (peek(1) == '?' || peek(1) == '*') return refuse(in_.substr(at_, 3));
    out_ += in_[at_++];
    return {};
  }

  /// `{2}`, `{2,}`, `{2,3}`, `{,3}`; anything else is a literal brace.
  Result<void> counts() {
    size_t end = at_ + 1;
    size_t commas = 0, digits = 0;
    for (; end < in_.size() && in_[end] != '}'; ++end) {
      if (in_[end] == ',')
        ++commas;
      else if (in_[end] >= '0' && in_[end] <= '9')
        ++digits;
      else
        break;
    }
    if (end >= in_.size() || in_[end] != '}' || commas > 1 || digits == 0) return literal();
    const std::string_view inner = in_.substr(at_ + 1, end - at_ - 1);
    if (end + 1 < in_.size() && in_[end + 1] == '+') return refuse("{n,m}+");
    out_ += fmt::format("{{{}{}}}", inner.starts_with(',') ? "0" : "", inner);
    at_ = end + 1;
    return {};
  }

  Result<void> character_class() {
    const size_t begin = at_++;
    out_ += '[';
    if (take("^")) out_ += '^';
    bool first = true;
    while (true) {
      if (at_end()) {
        at_ = begin;
        return refuse("[ without ]");
      }
      if (peek() == ']') {
        if (first) return refuse("[]");
        break;
      }
      if (peek() == '[') return refuse("[ within [...]");
      if (peek() == '&' && peek(1) == '&') return refuse("&& within [...]");
      first = false;
      if (peek() == '\\') {
        CW_TRY(escape(true));
      } else if (peek() == '-') {
        CW_TRY(dash());
      } else {
        CW_TRY(literal());
      }
    }
    ++at_;
    out_ += ']';
    return {};
  }

  /// A dash between two characters is a range; at an edge it is itself.
  Result<void> dash() {
    const char before = in_[at_ - 1], after = peek(1);
    const bool edge = after == ']' || before == '[' || (before == '^' && in_[at_ - 2] == '[');
    if (after == '-') return refuse("-- within [...]");
    ++at_;
    out_ += edge ? code_escape('-') : "-";
    return {};
  }

  Result<void> escape(bool in_class) {
    const char kind = peek(1);
    if (at_ + 1 >= in_.size()) return refuse("\\");
    switch (kind) {
      case 's':
        return items(std::string(kSpaceClass), false, in_class);
      case 'S':
        at_ += 2;
        out_ += R"(\P{White_Space})";
        return {};
      case 'd':
      case 'D':
        return items(property_items("Nd"), kind == 'D', in_class);
      case 'w':
      case 'W':
        return items(word_items(), kind == 'W', in_class);
      case 'b':
      case 'B':
        return boundary(kind == 'B', in_class);
      case 'p':
      case 'P':
        return property(in_class);
      case 'x':
      case 'u':
        return hexadecimal(kind);
      default:
        return control_or_literal(kind);
    }
  }

  Result<void> items(const std::string& items, bool negated, bool in_class, size_t bytes = 2) {
    if (in_class && negated) return refuse(std::string(in_.substr(at_, bytes)) + " within [...]");
    at_ += bytes;
    if (in_class)
      out_ += items;
    else
      out_ += fmt::format("[{}{}]", negated ? "^" : "", items);
    return {};
  }

  Result<void> boundary(bool negated, bool in_class) {
    if (in_class) return refuse("\\b within [...]");
    at_ += 2;
    const std::string word = "[" + word_items() + "]";
    if (negated)
      out_ += fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", word);
    else
      out_ += fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", word);
    return {};
  }

  Result<void> property(bool in_class) {
    const size_t close = in_.find('}', at_);
    if (peek(2) != '{' || close == std::string_view::npos) return refuse(in_.substr(at_, 2));
    std::string_view name = in_.substr(at_ + 3, close - at_ - 3);
    bool negated = peek(1) == 'P';
    if (name.starts_with('^')) {
      negated = !negated;
      name.remove_prefix(1);
    }
    const std::string found = property_items(name);
    const size_t bytes = close + 1 - at_;
    if (found.empty()) return refuse(in_.substr(at_, bytes));
    return items(found, negated, in_class, bytes);
  }

  /// \xHH, \x{H...}, \uHHHH. Oniguruma takes \x80 and above as bytes, which text does not have.
  Result<void> hexadecimal(char kind) {
    size_t begin = at_ + 2, end = begin + (kind == 'x' ? 2 : 4), next = end;
    if (kind == 'x' && peek(2) == '{') {
      begin = at_ + 3;
      end = std::min(in_.find('}', begin), in_.size());
      next = end + 1;
    }
    uint32_t code = 0;
    bool good = begin < end && end - begin <= 8 && next <= in_.size();
    for (size_t i = begin; good && i < end; ++i) {
      const std::string_view digits = "0123456789abcdef";
      const size_t digit = digits.find(static_cast<char>(in_[i] >= 'A' ? in_[i] | 0x20 : in_[i]));
      good = digit != std::string_view::npos && code < kCodePoints;
      code = code << 4 | static_cast<uint32_t>(digit & 15);
    }
    const bool byte = kind == 'x' && peek(2) != '{' && code >= 0x80;
    if (!good || byte || code >= kCodePoints || (code >= 0xD800 && code <= 0xDFFF))
      return refuse(in_.substr(at_, 2));
    at_ = next;
    append_literal(code);
    return {};
  }

  Result<void> control_or_literal(char kind) {
    constexpr std::string_view kNames = "rntfvae";
    constexpr std::array<uint32_t, 7> kCodes = {'\r', '\n', '\t', '\f', '\v', '\a', 0x1B};
    if (const size_t found = kNames.find(kind); found != std::string_view::npos) {
      at_ += 2;
      append_literal(kCodes[found]);
      return {};
    }
    const bool alphanumeric = (kind >= '0' && kind <= '9') || (kind >= 'A' && kind <= 'Z') ||
                              (kind >= 'a' && kind <= 'z');
    if (alphanumeric) return refuse(in_.substr(at_, 2));
    ++at_;
    return literal();
  }

  std::string_view in_;
  const std::string& where_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> pcre_pattern(std::string_view pattern, const std::string& where) {
  if (well_formed_prefix(pattern) != pattern.size())
    return failure(Fault::kBadInput, "{}: the pattern is no UTF-8", where);
  return Translator(pattern, where).run();
}

std::string quoted_pattern(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = read_code_point(text.data() + at);
    out += code_escape(point.code);
    at += point.bytes;
  }
  return out;
}

}  // namespace causeway
