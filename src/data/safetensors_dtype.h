// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "data/safetensors.h"

namespace causeway {

struct DTypeInfo {
  DType dtype;
  std::string_view name;  ///< as the header writes it
  int64_t bytes;          ///< of one value
};

/// The type that the header calls `name`, or null.
const DTypeInfo* find_dtype(std::string_view name);
/// All names, for messages.
std::string dtype_names();

}  // namespace causeway
