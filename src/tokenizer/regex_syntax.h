// SPDX-License-Identifier: Apache-2.0
//
// Patterns in a tokenizer.json are written for Oniguruma with Ruby's syntax. This rewrites them for
// PCRE2 so that both find the same, and refuses what would differ.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace causeway {

/// The same pattern for PCRE2 with UTF, UCP and MULTILINE. Fault::kBadInput names the construct
/// that is not supported; `where` begins the message.
Result<std::string> pcre_pattern(std::string_view pattern, const std::string& where);

/// A pattern that finds this text.
std::string quoted_pattern(std::string_view text);

}  // namespace causeway
