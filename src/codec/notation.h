// SPDX-License-Identifier: Apache-2.0
//
// Chains of codecs as they are written:
//   chain = stage { "|" stage }
//   stage = name [ "(" argument { "," argument } ")" ]
//   argument = value | key "=" value      a value without a key comes first, and alone of its kind
// A value is a TOML number, text in quotes, true or false; any other word is text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"

namespace causeway {

/// A stage as it is written.
struct Stage {
  std::string name;
  Value options;  ///< a table; the value without a key is its entry ""
};

/// True of a name that is a chain rather than a plug-in's name alone.
bool is_chain(std::string_view name);

/// The stages of a chain. What is wrong becomes mistakes at `where`; then there are none.
std::vector<Stage> parse_chain(std::string_view chain, const Location& where, Mistakes& mistakes);

}  // namespace causeway
