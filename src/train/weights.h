// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "core/hash.h"
#include "data/safetensors.h"
#include "tensor/arena.h"

namespace causeway {

/// Reads every tensor of the layout by its Hugging Face name from a safetensors file or a folder
/// (train/weight_files.h): F32, F16, BF16 or F64. A tied tensor may be absent; if it is there, it
/// must be its target bit for bit. Buffers `*.rotary_emb.inv_freq` of old files are passed over.
/// Returns the stored type of each tensor of the layout. Fault::kBadInput for a missing or
/// misshapen tensor, or one that is no part of the model; the arena is then to be thrown away.
Result<std::vector<DType>> read_weights(const std::string& path, Arena& x);

/// The arena's tensors as safetensors entries that borrow its values; names get `prefix`.
std::vector<TensorToWrite> weight_entries(const Arena& arena, const std::string& prefix = "");

/// XXH3-128 of the values as fp32 in global order: the identity of a model's weights.
Digest weights_digest(const Arena& x);

}  // namespace causeway
