// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "shape/weight_files.h"
#include "sync/layout.h"

namespace causeway {

/// The stored type of each tensor of the layout, after a check that the files have it in its shape
/// under its Hugging Face name and nothing else. A tied tensor may be absent; if it is there, it
/// must be its target bit for bit. Buffers `*.rotary_emb.inv_freq` of old files are passed over.
/// Fault::kBadInput names what is wrong.
Result<std::vector<DType>> check_weights(const WeightFiles& files, const Layout& layout);

}  // namespace causeway
