// SPDX-License-Identifier: Apache-2.0
//
// Lists of fingerprints as text.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "core/error.h"

namespace causeway {

/// The fingerprints of a list. Any bytes are safe: Fault::kBadInput names `path`, the line, and
/// what is wrong with it.
Result<std::set<std::string>> read_fingerprints(std::string_view text, std::string_view path);

/// The list with a line more; `name` may be empty.
std::string with_fingerprint(std::string_view text, std::string_view fingerprint,
                             std::string_view name);
/// The list without the lines of this fingerprint; others stay as they are.
std::string without_fingerprint(std::string_view text, std::string_view fingerprint);

}  // namespace causeway
