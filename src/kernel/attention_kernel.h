// SPDX-License-Identifier: Apache-2.0
//
// T time, N query heads, G key/value heads, H = N + 2G, D head width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/bf16.h"

namespace causeway {

/// The heads of one text, position by position: N queries, then G keys, then G values, each of D
/// adjacent values: [T, H, D].
struct AttentionSizes {
  int64_t time, heads, kv_heads, head_width;
};

/// Whether the two functions below can do it on this machine; elsewhere attention.h takes
/// LibTorch's kernels.
bool attention_kernel_fits(const AttentionSizes& sizes);

/// Bytes of scratch that either function wants, aligned to 64.
size_t attention_scratch_bytes(const AttentionSizes& sizes);

/// out = causal softmax(q k^T / sqrt(D)) v, for each query head n with key head n / (N/G), for one
/// text. Softmax and sums are in float32 for both types, with keys in tiles and a running maximum:
/// Milakov and Gimelshein, arXiv:1805.02867; Dao and others, "FlashAttention", arXiv:2205.14135.
/// Tiles that the mask hides are skipped. `log_sum_NT` gets the logarithm of each query's sum of
/// exponentials. Value is float or Bf16. Thread-safe; the bits depend on the inputs and on simd().
template <class Value>
void attention_forward(const AttentionSizes& sizes, const Value* heads_THD, Value* out_TND,
                       float* log_sum_NT, std::span<std::byte> scratch);

/// The gradient with respect to heads_THD, which is overwritten whole, given that of the output.
template <class Value>
void attention_backward(const AttentionSizes& sizes, const Value* heads_THD, const Value* out_TND,
                        const Value* dout_TND, const float* log_sum_NT, Value* dheads_THD,
                        std::span<std::byte> scratch);

}  // namespace causeway
