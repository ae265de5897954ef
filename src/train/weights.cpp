// SPDX-License-Identifier: Apache-2.0
#include "train/weights.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace causeway {
namespace {

std::span<float> values_of(Arena& arena, size_t index) {
  const Tensor& tensor = arena.placement().layout().tensors()[index];
  return arena.values().subspan(static_cast<size_t>(arena.placement().offset(index)),
                                static_cast<size_t>(tensor.count));
}

ByteSpan bytes_of(const Arena& arena, size_t index) {
  const Tensor& tensor = arena.placement().layout().tensors()[index];
  return std::as_bytes(arena.values().subspan(static_cast<size_t>(arena.placement().offset(index)),
                                              static_cast<size_t>(tensor.count)));
}

}  // namespace

Result<void> read_weights(const std::string& path, Arena& x) {
  CW_ASSIGN(const Safetensors file, Safetensors::open(path));
  const auto& tensors = x.placement().layout().tensors();
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].alias_of.empty()) continue;
    CW_ASSIGN(const TensorView view, file.find(tensors[i].name));
    if (view.shape != tensors[i].shape)
      return failure(Fault::kBadInput, "{}: `{}` has shape [{}]; this model wants [{}]", path,
                     tensors[i].name, fmt::join(view.shape, ", "),
                     fmt::join(tensors[i].shape, ", "));
    CW_TRY(file.read_floats(tensors[i].name, values_of(x, i)));
  }
  return {};
}

std::vector<TensorToWrite> weight_entries(const Arena& arena, const std::string& prefix) {
  std::vector<TensorToWrite> out;
  const auto& tensors = arena.placement().layout().tensors();
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].alias_of.empty())
      out.push_back({prefix + tensors[i].name, DType::kF32, tensors[i].shape, bytes_of(arena, i)});
  return out;
}

Digest weights_digest(const Arena& x) {
  Hasher hasher;
  const auto& tensors = x.placement().layout().tensors();
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].alias_of.empty()) hasher.add(bytes_of(x, i));
  return hasher.digest();
}

}  // namespace causeway
