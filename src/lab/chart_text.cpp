// SPDX-License-Identifier: Apache-2.0
#include "lab/chart_text.h"

#include <array>
#include <cstdint>

#include "core/utf8.h"

namespace causeway {
namespace {

// Advance widths of DejaVu Sans from ' ' to '~', in thousandths of the size.
constexpr std::array<int16_t, 95> kWidths = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838};

constexpr std::string_view kEllipsis = "…";

int width_thousandths(char32_t letter) {
  if (letter >= ' ' && letter <= '~') return kWidths[letter - ' '];
  const bool superscript =
      letter == U'²' || letter == U'³' || letter == U'¹' || (letter >= U'⁰' && letter <= U'⁹');
  if (superscript) return 401;
  return letter < 0x250 ? 640 : 840;  // Latin letters with accents; the rest
}

}  // namespace

std::u32string code_points(std::string_view text) {
  std::u32string out;
  for (const char byte : text) {
    const auto value = static_cast<uint8_t>(byte);
    if ((value & 0xc0U) == 0x80U)  // continues the last one
      out.back() = (out.back() << 6U) | (value & 0x3fU);
    else
      out += static_cast<char32_t>(value < 0x80    ? value
                                   : value < 0xe0U ? value & 0x1fU
                                   : value < 0xf0U ? value & 0x0fU
                                                   : value & 0x07U);
  }
  return out;
}

std::string clean_text(std::string_view text) {
  std::string out = replace_bad_utf8(text);
  for (char& byte : out)
    if (static_cast<uint8_t>(byte) < 0x20 || byte == 0x7f) byte = ' ';
  // U+FFFE and U+FFFF, which XML forbids, become U+FFFD.
  for (const std::string_view forbidden : {"\xef\xbf\xbe", "\xef\xbf\xbf"})
    for (size_t at = out.find(forbidden); at != out.npos; at = out.find(forbidden, at))
      out[at + 2] = '\xbd';
  return out;
}

double text_width(std::string_view text, double size) {
  int64_t thousandths = 0;
  for (const char32_t letter : code_points(text)) thousandths += width_thousandths(letter);
  return static_cast<double>(thousandths) * size / 1000;
}

std::string shortened(std::string_view text, double size, double width) {
  if (text_width(text, size) <= width) return std::string(text);
  double left = width - text_width(kEllipsis, size);
  size_t end = 0;
  while (end < text.size()) {
    size_t next = end + 1;
    while (next < text.size() && (static_cast<uint8_t>(text[next]) & 0xc0U) == 0x80U) ++next;
    left -= text_width(text.substr(end, next - end), size);
    if (left < 0) break;
    end = next;
  }
  return std::string(text.substr(0, end)).append(kEllipsis);
}

}  // namespace causeway
