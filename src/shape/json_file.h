// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/error.h"

namespace causeway {

/// The whole file. Fault::kIo if it cannot be read, kBadInput if it is larger than `bytes_max`.
Result<std::string> read_text(const std::string& path, size_t bytes_max);

/// Parses a JSON object from a stranger: nested at most 64 deep, so that what walks it needs little
/// stack. `name` is for messages. Fault::kBadInput.
Result<nlohmann::json> parse_object(std::string_view text, const std::string& name);

/// Both.
Result<nlohmann::json> read_object(const std::string& path, size_t bytes_max);

}  // namespace causeway
