// SPDX-License-Identifier: Apache-2.0
//
// Fields of JSON objects that a stranger wrote. Fault::kBadInput names the place, `where`, and the
// field.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/error.h"

namespace causeway {

Result<std::string> type_of(const nlohmann::json& value, const std::string& where);
Result<bool> bool_field(const nlohmann::json& value, const char* field, const std::string& where);
Result<std::string> text_field(const nlohmann::json& value, const char* field,
                               const std::string& where);
/// Lives as long as `value`.
Result<const nlohmann::json*> array_field(const nlohmann::json& value, const char* field,
                                          const std::string& where);
/// A whole number from 0 to 2^31 - 1.
Result<int32_t> token_field(const nlohmann::json& value, const char* field,
                            const std::string& where);
/// The same of a value.
Result<int32_t> token_of(const nlohmann::json& value, const std::string& where);

}  // namespace causeway
