// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <numbers>

#include "kernel/attention_head.h"
#include "kernel/attention_scratch.h"
#include "kernel/attention_tiles.h"

namespace causeway {

inline constexpr float kLog2E = std::numbers::log2e_v<float>;
inline constexpr double kLog2 = std::numbers::ln2;

/// Sizes that both passes share, for a machine M.
template <class M>
struct Geometry {
  static constexpr int64_t kLanes = M::kLanes, kPanel = 2 * kLanes;

  int64_t time;      ///< whole panels
  int64_t words;     ///< of a head's width
  int64_t vectors;   ///< likewise
  int64_t row;       ///< float32 sums in as many vectors
  int64_t group;     ///< query heads of a key head
  int64_t all;       ///< H
  float scale;       ///< 1 / sqrt(D)
  float scale_log2;  ///< of scores as exponents of 2
  int64_t ahead;     ///< rows to fetch with each block, so that all are there at the end

  explicit Geometry(const AttentionSizes& sizes)
      : time(padded(sizes.time, kPanel)),
        words(sizes.head_width / M::kDepth),
        vectors((sizes.head_width + kLanes - 1) / kLanes),
        row(vectors * kLanes),
        group(sizes.heads / sizes.kv_heads),
        all(sizes.heads + 2 * sizes.kv_heads),
        scale(1 / std::sqrt(static_cast<float>(sizes.head_width))),
        scale_log2(scale * kLog2E),
        ahead(2 * M::kRows * kPanel / (time + kPanel) + 1) {}
};

}  // namespace causeway
