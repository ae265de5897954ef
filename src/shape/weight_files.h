// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "data/safetensors.h"

namespace causeway {

/// The tensors of a model in Hugging Face's form, wherever they lie: in one safetensors file, or in
/// the shards that a model.safetensors.index.json names. Thread-safe.
class WeightFiles {
 public:
  /// `path`: a safetensors file, an index, or a folder with model.safetensors or, failing that,
  /// model.safetensors.index.json. Any content is safe: a shard must be a plain file name, lie
  /// beside the index, and hold exactly the tensors that the index places there.
  /// Fault::kBadInput, kCorrupt or kIo with the reason.
  static Result<WeightFiles> open(const std::string& path);

  const std::string& path() const { return path_; }
  /// All names, sorted.
  std::vector<std::string> names() const;
  bool contains(std::string_view name) const { return places_.contains(name); }
  /// As those of Safetensors.
  Result<TensorView> find(std::string_view name) const;
  Result<void> read_floats(std::string_view name, std::span<float> out) const;

 private:
  Result<void> add_index(const std::string& path);
  void add_file(Safetensors file);
  const Safetensors& file_of(std::string_view name) const;

  std::string path_;
  std::vector<Safetensors> files_;
  std::map<std::string, size_t, std::less<>> places_;  ///< tensor to its file
};

}  // namespace causeway
