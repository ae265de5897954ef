// SPDX-License-Identifier: Apache-2.0
//
// Any bytes give a Result; what parses can be read to its last value.
#include "data/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  const auto file = Safetensors::parse(std::as_bytes(std::span(data, size)), "fuzz");
  if (!file) {
    CW_CHECK(file.error().fault == Fault::kCorrupt && file.error().message.size() > 8);
    return 0;
  }
  for (const auto& [name, tensor] : file->tensors()) {
    std::vector<float> values(static_cast<size_t>(tensor.count()));
    const bool read = file->read_floats(name, values).ok();
    // A float64 may be too large for a float.
    const bool may_fail = tensor.dtype == DType::kF64;
    CW_CHECK(may_fail || read == (tensor.dtype <= DType::kBf16));
  }
  return 0;
}
