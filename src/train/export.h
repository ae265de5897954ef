// SPDX-License-Identifier: Apache-2.0
//
// A model as a folder that other programs open: Hugging Face's form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/hash.h"
#include "data/safetensors.h"
#include "train/saved_model.h"

namespace causeway {

struct ExportOptions {
  std::optional<DType> dtype;           ///< F32, BF16 or F16; none: as each tensor was stored
  int64_t shard_bytes = 5'000'000'000;  ///< of tensors in one file, unless one alone has more
  bool overwrite = false;               ///< replace a model's folder that is there
};

struct ExportedFile {
  std::string name;
  int64_t bytes = 0;
  std::string digest;  ///< XXH3-128 of the bytes
};

struct Exported {
  std::string dtype;                ///< "float32", or "bfloat16, float32" if tensors differ
  int64_t tensors = 0, bytes = 0;   ///< written, without headers; ties once
  Digest weights;                   ///< of the model's values as fp32, before a conversion
  std::vector<ExportedFile> files;  ///< all, sorted
};

/// Writes config.json, model.safetensors (or shards and their index), tokenizer.json, the model's
/// other companions, and what of tokenizer_config.json, generation_config.json and README.md is
/// missing. Tensors of the same type keep their bits; others are rounded to nearest even. Written
/// aside and renamed: no half-written folder is ever seen. Fault::kBadInput if `folder` is there
/// already and may not be replaced, or if values are beyond `dtype`; kIo.
Result<Exported> export_model(const SavedModel& saved, const std::string& folder,
                              const ExportOptions& options);

}  // namespace causeway
