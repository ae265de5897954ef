// SPDX-License-Identifier: Apache-2.0
//
// Which bytes are UTF-8: RFC 3629, no surrogates, no overlong forms. Pure functions, any bytes are
// safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace causeway {

/// Bytes of the longest well-formed beginning of `text`.
size_t well_formed_prefix(std::string_view text);
/// Bytes before the next well-formed character.
size_t ill_formed_prefix(std::string_view text);

bool is_utf8(std::string_view text);
/// Each maximal part of an ill-formed sequence becomes U+FFFD, as Python's errors="replace" does.
std::string replace_bad_utf8(std::string_view text);

}  // namespace causeway
