// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/plugin.h"

namespace causeway {

/// Moves the anchor by a pseudo-gradient delta = anchor - mean(x). Replicated code: + - x / sqrt
/// only, without contraction, so that every machine gets the same bits. Pure and thread-safe.
class OuterOptimizer {
 public:
  virtual ~OuterOptimizer() = default;

  /// Names of the buffers, each as long as the anchor and zero at the start: "b", or "m" and "v".
  virtual std::vector<std::string_view> buffers() const = 0;

  /// Round `round` = 1, 2, ... All spans have the same length; `buffers` in the order of buffers().
  virtual void step(int64_t round, std::span<const float> delta, std::span<float> anchor,
                    std::span<const std::span<float>> buffers) const = 0;
};

/// Every outer optimizer, sorted by name.
Entries<OuterOptimizer> outer_optimizers();

}  // namespace causeway
