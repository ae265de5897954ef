// SPDX-License-Identifier: Apache-2.0
#include "data/safetensors_dtype.h"

#include <algorithm>
#include <array>

namespace causeway {
namespace {

constexpr std::array<DTypeInfo, 7> kInfos{{{DType::kF64, "F64", 8},
                                           {DType::kF32, "F32", 4},
                                           {DType::kF16, "F16", 2},
                                           {DType::kBf16, "BF16", 2},
                                           {DType::kI64, "I64", 8},
                                           {DType::kI32, "I32", 4},
                                           {DType::kU8, "U8", 1}}};

const DTypeInfo& info_of(DType dtype) {
  const auto* found = std::find_if(kInfos.begin(), kInfos.end(),
                                   [&](const DTypeInfo& one) { return one.dtype == dtype; });
  CW_CHECK(found != kInfos.end(), "dtype {}", static_cast<int>(dtype));
  return *found;
}

}  // namespace

int64_t dtype_bytes(DType dtype) { return info_of(dtype).bytes; }
std::string_view dtype_name(DType dtype) { return info_of(dtype).name; }

const DTypeInfo* find_dtype(std::string_view name) {
  for (const DTypeInfo& info : kInfos)
    if (info.name == name) return &info;
  return nullptr;
}

std::string dtype_names() {
  std::string names;
  for (const DTypeInfo& info : kInfos)
    names += (names.empty() ? "" : ", ") + std::string(info.name);
  return names;
}

}  // namespace causeway
