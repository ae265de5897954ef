// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace causeway {

/// The text of a field of a JSON object, or what is wrong.
struct JsonField {
  std::string text;
  std::string trouble;  ///< empty: nothing
};

/// Reads one field of an object on one line: `name` at the top level, whose value must be a string;
/// of equal names the last counts. Any bytes are safe; values lie at most 256 deep.
JsonField read_json_field(std::string_view line, std::string_view name);

/// Half of a surrogate pair, written as \uD800 to \uDFFF without its other half, stands for no
/// character. Writes \uFFFD instead and returns how many there were.
int64_t mend_lone_surrogates(std::string& json);

}  // namespace causeway
