// SPDX-License-Identifier: Apache-2.0
//
// Numbers and text as people read them on a screen. Pure functions, safe from many threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway {

/// "1.2 MB": decimal units, two or three digits. Whole bytes below 1 kB.
std::string bytes_text(int64_t bytes);

/// "48.1k", "1.2M", "7.0B" (10^9), "3.0T"; the number itself below 1,000.
std::string count_text(int64_t count);

/// "2,000".
std::string grouped_text(int64_t count);

/// "4.2 s", "42 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"; "?" if negative or not finite.
std::string duration_text(double seconds);

/// "400x less", "3.0x more" or "as much": `bytes` beside `other`. Empty if either is not positive.
std::string beside_text(int64_t bytes, int64_t other);

/// "1.2 MB sent, DDP would have sent 480 MB: 400x less".
std::string sent_text(int64_t bytes, int64_t ddp_bytes);

/// `text` made harmless for a terminal and for formats that want UTF-8: control characters become
/// spaces, what is not UTF-8 becomes U+FFFD. With `keep_lines`, '\n' stays.
std::string printable_text(std::string_view text, bool keep_lines = false);

/// Columns that valid UTF-8 takes on a terminal: wide East Asian characters and emoji count two,
/// combining marks none.
int32_t columns_of(std::string_view text);

/// The longest head of valid UTF-8 that takes at most `columns` columns.
std::string_view cut_text(std::string_view text, int32_t columns);

/// How a part of a Line looks on a terminal with colours.
enum class Style : uint8_t { kPlain, kBold, kDim, kGood, kWarning, kError, kAccent };

/// A line of text in parts, each with its look.
class Line {
 public:
  Line() = default;
  explicit Line(std::string_view text, Style style = Style::kPlain) { add(text, style); }

  /// Appends `text`, made printable.
  Line& add(std::string_view text, Style style = Style::kPlain);
  /// Appends spaces up to column `column`.
  Line& fill(int32_t column);
  int32_t columns() const { return columns_; }

  /// Without colours and uncut.
  std::string plain() const;
  /// With ANSI colours, cut to `columns_max` columns; every colour is switched off again.
  std::string coloured(int32_t columns_max) const;

 private:
  std::vector<std::pair<Style, std::string>> parts_;
  int32_t columns_ = 0;
};

}  // namespace causeway
