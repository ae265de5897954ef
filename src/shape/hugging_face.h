// SPDX-License-Identifier: Apache-2.0
//
// Models in Hugging Face's form: config.json as the options of a model plug-in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/value.h"

namespace causeway {

/// What a folder in Hugging Face's form says of its model.
struct FolderConfig {
  std::string preset;               ///< of the model plug-in
  Value options;                    ///< its options, every size stated
  std::string json;                 ///< config.json as it is
  std::string dtype;                ///< of the weights: float32, bfloat16 or float16
  std::vector<int64_t> end_tokens;  ///< eos_token_id of generation_config.json, else of config.json
};

/// Reads a folder's config.json (and generation_config.json). `context`, if not 0, replaces
/// max_position_embeddings: a sliding window that is not shorter is then harmless. Fault::kBadInput
/// names what is missing, or every field that changes the mathematics in a way not supported; kIo.
Result<FolderConfig> read_config(const std::string& folder, int64_t context = 0);

}  // namespace causeway
