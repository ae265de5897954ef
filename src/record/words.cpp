// SPDX-License-Identifier: Apache-2.0
#include "record/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

namespace causeway {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// One decimal below 100, none above; goes to the next unit when rounding reaches 1,000.
std::string scaled(double value, std::span<const std::string_view> units) {
  size_t unit = 0;
  while (unit + 1 < units.size() && (unit == 0 ? value >= 1000 : value >= 999.5)) {
    value /= 1000;
    ++unit;
  }
  if (unit == 0) return fmt::format("{:.0f}{}", value, units[0]);
  return fmt::format("{:.{}f}{}", value, value < 99.95 ? 1 : 0, units[unit]);
}

struct Character {
  uint32_t code = 0;
  size_t size = 1;
  bool valid = false;
};

// The first character of `text`, which is not empty. Overlong forms, surrogates and what is past
// U+10FFFF are not valid.
Character first_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  uint32_t code = lead & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3fu);
  }
  constexpr std::array<uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {};
  return {code, size, true};
}

bool is_control(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
         (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

int32_t width_of(uint32_t code) {
  if ((code >= 0x300 && code < 0x370) || (code >= 0x200b && code <= 0x200d) ||
      (code >= 0xfe00 && code <= 0xfe0f))
    return 0;
  const bool wide = (code >= 0x1100 && code < 0x1160) || (code >= 0x2e80 && code < 0xa4d0) ||
                    (code >= 0xac00 && code < 0xd7b0) || (code >= 0xf900 && code < 0xfb00) ||
                    (code >= 0xfe30 && code < 0xfe70) || (code >= 0xff00 && code < 0xff61) ||
                    (code >= 0xffe0 && code < 0xffe7) || (code >= 0x1f300 && code < 0x1fb00) ||
                    (code >= 0x20000 && code < 0x40000);
  return wide ? 2 : 1;
}

std::string_view escape_of(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kGood:
      return "\x1b[32m";
    case Style::kWarning:
      return "\x1b[33m";
    case Style::kError:
      return "\x1b[31m";
    case Style::kAccent:
      return "\x1b[36m";
  }
  return "";
}

}  // namespace

std::string bytes_text(int64_t bytes) {
  static constexpr std::array<std::string_view, 6> kUnits = {" B",  " kB", " MB",
                                                             " GB", " TB", " PB"};
  if (bytes < 0) return fmt::format("-{}", scaled(-static_cast<double>(bytes), kUnits));
  return scaled(static_cast<double>(bytes), kUnits);
}

std::string count_text(int64_t count) {
  static constexpr std::array<std::string_view, 5> kUnits = {"", "k", "M", "B", "T"};
  if (count < 0) return fmt::format("-{}", scaled(-static_cast<double>(count), kUnits));
  return scaled(static_cast<double>(count), kUnits);
}

std::string grouped_text(int64_t count) {
  std::string text = fmt::format("{}", count);
  const auto first = static_cast<std::ptrdiff_t>(count < 0 ? 1 : 0);
  for (auto i = static_cast<std::ptrdiff_t>(text.size()) - 3; i > first; i -= 3)
    text.insert(static_cast<size_t>(i), 1, ',');
  return text;
}

std::string duration_text(double seconds) {
  if (!(seconds >= 0) || seconds > 1e12) return "?";
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  const int64_t minutes = (whole + 30) / 60;
  if (minutes < 24 * 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
  const int64_t hours = (whole + 1800) / 3600;
  return fmt::format("{} d {} h", hours / 24, hours % 24);
}

std::string beside_text(int64_t bytes, int64_t other) {
  if (bytes <= 0 || other <= 0) return "";
  const double less = static_cast<double>(other) / static_cast<double>(bytes);
  const double times = std::max(less, 1 / less);
  if (times < 1.05) return "as much";
  const std::string number = times < 9.95 ? fmt::format("{:.1f}", times)
                                          : grouped_text(std::llround(std::min(times, 1e15)));
  return fmt::format("{}x {}", number, less > 1 ? "less" : "more");
}

std::string sent_text(int64_t bytes, int64_t ddp_bytes) {
  std::string text = bytes_text(bytes) + " sent";
  if (ddp_bytes <= 0) return text;
  text += ", DDP would have sent " + bytes_text(ddp_bytes);
  if (const std::string beside = beside_text(bytes, ddp_bytes); !beside.empty())
    text += ": " + beside;
  return text;
}

std::string printable_text(std::string_view text, bool keep_lines) {
  std::string printable;
  printable.reserve(text.size());
  while (!text.empty()) {
    const Character next = first_character(text);
    if (!next.valid)
      printable += kReplacement;
    else if (keep_lines && next.code == '\n')
      printable += '\n';
    else if (is_control(next.code))
      printable += ' ';
    else
      printable += text.substr(0, next.size);
    text.remove_prefix(next.size);
  }
  return printable;
}

int32_t columns_of(std::string_view text) {
  int64_t columns = 0;
  while (!text.empty()) {
    const Character next = first_character(text);
    columns += width_of(next.code);
    text.remove_prefix(next.size);
  }
  return static_cast<int32_t>(std::min<int64_t>(columns, std::numeric_limits<int32_t>::max()));
}

std::string_view cut_text(std::string_view text, int32_t columns) {
  size_t size = 0;
  while (size < text.size()) {
    const Character next = first_character(text.substr(size));
    columns -= width_of(next.code);
    if (columns < 0) break;
    size += next.size;
  }
  return text.substr(0, size);
}

Line& Line::add(std::string_view text, Style style) {
  if (text.empty()) return *this;
  parts_.emplace_back(style, printable_text(text));
  columns_ += columns_of(parts_.back().second);
  return *this;
}

Line& Line::fill(int32_t column) {
  if (column > columns_) add(std::string(static_cast<size_t>(column - columns_), ' '));
  return *this;
}

std::string Line::plain() const {
  std::string text;
  for (const auto& [style, part] : parts_) text += part;
  return text;
}

std::string Line::coloured(int32_t columns_max) const {
  std::string text;
  for (const auto& [style, part] : parts_) {
    const std::string_view kept = cut_text(part, columns_max);
    columns_max -= columns_of(kept);
    const std::string_view escape = escape_of(style);
    text += escape;
    text += kept;
    if (!escape.empty()) text += "\x1b[0m";
    if (kept.size() < part.size()) break;
  }
  return text;
}

}  // namespace causeway
