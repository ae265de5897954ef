// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "core/hash.h"
#include "data/safetensors.h"
#include "shape/check_weights.h"
#include "tensor/arena.h"

namespace causeway {

/// Reads the values: F32, F16, BF16 or F64. Files that have not passed check_weights may fail as it
/// does. After a failure the arena is to be thrown away.
Result<void> read_weights(const WeightFiles& files, Arena& x);
/// Opens (see WeightFiles::open), checks and reads.
Result<std::vector<DType>> read_weights(const std::string& path, Arena& x);

/// The arena's tensors as safetensors entries that borrow its values; names get `prefix`.
std::vector<TensorToWrite> weight_entries(const Arena& arena, const std::string& prefix = "");

/// XXH3-128 of the values as fp32 in global order: the identity of a model's weights.
Digest weights_digest(const Arena& x);

}  // namespace causeway
