// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "core/options.h"
#include "core/value.h"

namespace causeway {

/// Parses a TOML document; every value knows its line. A syntax error is a mistake, and the result
/// is then an empty table. Dates are refused.
Value parse_toml(std::string_view text, const std::string& file, Mistakes& mistakes);

/// The file's document; an unreadable file is a mistake.
Value parse_toml_file(const std::string& path, Mistakes& mistakes);

/// Applies one `--set a.b.c=value`: the value is TOML, or text if it is no TOML value. Missing
/// tables are made; an entry of an array of tables is `data.site.0.name`.
void set_path(Value& root, std::string_view assignment, Mistakes& mistakes);

}  // namespace causeway
