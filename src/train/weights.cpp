// SPDX-License-Identifier: Apache-2.0
#include "train/weights.h"

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

Result<void> read_weights(const WeightFiles& files, Arena& x) {
  const auto& tensors = x.placement().layout().tensors();
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].alias_of.empty()) CW_TRY(files.read_floats(tensors[i].name, values_of(x, i)));
  return {};
}

Result<std::vector<DType>> read_weights(const std::string& path, Arena& x) {
  CW_ASSIGN(const WeightFiles files, WeightFiles::open(path));
  CW_ASSIGN(auto dtypes, check_weights(files, x.placement().layout()));
  CW_TRY(read_weights(files, x));
  return dtypes;
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
