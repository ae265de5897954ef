// SPDX-License-Identifier: Apache-2.0
//
// Categories of the code points that Unicode 15 and 16 assigned or changed. Libraries of
// distributions know Unicode 14 or 15, the tokenizers package knows 16, and equal tokens need equal
// tables.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace causeway {

struct UnicodeRange {
  uint32_t first, last;       ///< both included
  std::string_view category;  ///< "Lu", or a script's name
};

/// Sorted by code point; they do not overlap.
std::span<const UnicodeRange> unicode_additions();
/// Of the scripts that patterns may name.
std::span<const UnicodeRange> script_additions();

}  // namespace causeway
