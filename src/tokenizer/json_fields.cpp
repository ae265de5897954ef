// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/json_fields.h"

#include <cstdint>
#include <nlohmann/json.hpp>

namespace causeway {
namespace {

using Json = nlohmann::json;

Result<const Json*> field_of(const Json& value, const char* field, const std::string& where) {
  if (!value.is_object())
    return failure(Fault::kBadInput, "{} must be an object, not {}", where, value.type_name());
  const auto found = value.find(field);
  if (found == value.end()) return failure(Fault::kBadInput, "{} has no `{}`", where, field);
  return &*found;
}

Error wrong_kind(const Json& got, const char* field, const char* wanted, const std::string& where) {
  return failure(Fault::kBadInput, "{}: `{}` must be {}, not {}", where, field, wanted,
                 got.type_name());
}

}  // namespace

Result<std::string> type_of(const Json& value, const std::string& where) {
  return text_field(value, "type", where);
}

Result<bool> bool_field(const Json& value, const char* field, const std::string& where) {
  CW_ASSIGN(const Json* found, field_of(value, field, where));
  if (!found->is_boolean()) return wrong_kind(*found, field, "true or false", where);
  return found->get<bool>();
}

Result<std::string> text_field(const Json& value, const char* field, const std::string& where) {
  CW_ASSIGN(const Json* found, field_of(value, field, where));
  if (!found->is_string()) return wrong_kind(*found, field, "text", where);
  return found->get<std::string>();
}

Result<const Json*> array_field(const Json& value, const char* field, const std::string& where) {
  CW_ASSIGN(const Json* found, field_of(value, field, where));
  if (!found->is_array()) return wrong_kind(*found, field, "a list", where);
  return found;
}

Result<int32_t> token_of(const Json& value, const std::string& where) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > INT32_MAX)
    return failure(Fault::kBadInput, "{} must be a whole number from 0 to 2147483647, not {}",
                   where, value.is_number() ? value.dump() : value.type_name());
  return static_cast<int32_t>(value.get<uint64_t>());
}

Result<int32_t> token_field(const Json& value, const char* field, const std::string& where) {
  CW_ASSIGN(const Json* found, field_of(value, field, where));
  return token_of(*found, fmt::format("{}: `{}`", where, field));
}

}  // namespace causeway
