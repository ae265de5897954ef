// SPDX-License-Identifier: Apache-2.0
//
// T time, D head width.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/attention_kernel.h"

namespace causeway {

/// Hands out parts of a piece of memory, each aligned to 64 bytes; without one it only counts.
struct Carver {
  std::byte* memory = nullptr;
  size_t bytes = 0;

  template <class T>
  void take(T*& part, int64_t count) {
    part = memory == nullptr ? nullptr : reinterpret_cast<T*>(memory + bytes);
    bytes += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
  }
};

/// What all machines round up to: lanes of a vector, and queries of a panel.
inline constexpr int64_t kLanesMax = 16, kPanelMax = 2 * kLanesMax;

constexpr int64_t padded(int64_t count, int64_t multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

/// Where the passes keep packed factors and sums, the same for all machines. Factors are in words
/// (attention_tiles.h): "rows" are [T, D], "columns" [D, T] in panels, "across" [T, D] with
/// adjacent positions in one word. Sums are rows [T, D].
struct AttentionScratch {
  static constexpr int64_t kForwardKeys = 512;      ///< before the running maximum moves
  static constexpr int64_t kBackwardKeys = 64;      ///< whose gradients one sweep sums
  static constexpr int64_t kBackwardQueries = 256;  ///< of one tile

  static constexpr int64_t kTile = kBackwardKeys * (kBackwardQueries + kLanesMax);

  uint32_t *key_rows, *key_across, *value_rows, *value_across;
  uint32_t *query_columns, *query_across, *dout_columns, *dout_across;
  uint32_t *weights, *slopes, *slopes_across;
  float *out, *dquery, *dkey, *dvalue;
  float *log_sum, *delta;

  AttentionScratch(const AttentionSizes& sizes, Carver& carver) {
    const int64_t time = padded(sizes.time, kPanelMax);
    const int64_t matrix = time * padded(sizes.head_width, kLanesMax);
    for (uint32_t** part : {&key_rows, &key_across, &value_rows, &value_across, &query_columns,
                            &query_across, &dout_columns, &dout_across})
      carver.take(*part, matrix);
    for (uint32_t** part : {&weights, &slopes, &slopes_across}) carver.take(*part, kTile);
    carver.take(out, kPanelMax * padded(sizes.head_width, kLanesMax));
    for (float** part : {&dquery, &dkey, &dvalue}) carver.take(*part, matrix);
    for (float** part : {&log_sum, &delta}) carver.take(*part, time);
  }
};
static_assert(AttentionScratch::kForwardKeys * kPanelMax <= AttentionScratch::kTile);

}  // namespace causeway
