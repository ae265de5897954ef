// SPDX-License-Identifier: Apache-2.0
//
// Text of a chart: made safe to draw, and measured without a font, so that an SVG needs none.
#pragma once

#include <string>
#include <string_view>

namespace causeway {

/// Well-formed UTF-8 that any XML file may hold: bad bytes become U+FFFD, control characters
/// become spaces.
std::string clean_text(std::string_view text);

/// Of well-formed UTF-8.
std::u32string code_points(std::string_view text);

/// In pixels, of DejaVu Sans without kerning. Exact for ASCII, a guess for other characters.
double text_width(std::string_view text, double size);

/// `text`, or a beginning of it and "…", at most `width` wide.
std::string shortened(std::string_view text, double size, double width);

}  // namespace causeway
