// SPDX-License-Identifier: Apache-2.0
//
// Which codec for which layer, so that the fewest bytes are sent within a budget of error (Markov
// and others, "L-GreCo: Layerwise-Adaptive Gradient Compression", arXiv:2210.17357):
//   minimise sum size(l, c_l) subject to sum error(l, c_l) <= E,
// by dynamic programming over layers and an error in steps of E / `error_steps`. Of all choices for
// the first layers whose errors end in the same step the one of fewest bytes goes on, with its
// exact error. So the budget is never passed, and the bytes are no more than the fewest for a
// budget that is smaller by one step for each layer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "codec/codec.h"

namespace causeway {

/// What one codec makes of one layer.
struct LayerCost {
  int64_t bytes = 0;
  double squared_error = 0;  ///< sum over the layer's values
};

/// A row for each layer, with the costs of the same codecs in the same order.
using LayerCosts = std::vector<std::vector<LayerCost>>;

struct GrecoLimits {
  double squared_error_max = 0;
  int64_t error_steps = 10'000;
};

/// The index of the codec for each layer; nothing if none are within the budget. Costs are finite
/// and not negative; rows have 1 to 2^16 entries. Takes layers * codecs * error_steps operations
/// and 16 * layers * error_steps bytes.
std::optional<std::vector<size_t>> choose_codecs(const LayerCosts& costs,
                                                 const GrecoLimits& limits);

/// What each codec makes of each of the tensors that `signal` consists of, each encoded as a signal
/// of its own, frames included.
LayerCosts measure_codecs(std::span<const Codec* const> codecs, std::span<const float> signal,
                          std::span<const TensorCut> tensors, const Coding& coding);

}  // namespace causeway
