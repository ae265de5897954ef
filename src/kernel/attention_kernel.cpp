// SPDX-License-Identifier: Apache-2.0
//
// Causal attention of one text, as products of small matrices whose factors are packed once per
// head and stay in the first two caches.
//
// Forward (attention_forward.h): for a panel of two vectors of queries, the transposed scores
// S^T = K Q^T have the queries in the lanes, so a query's maximum and sum never cross lanes. Up to
// 512 keys are scored before they are weighed, so most texts need the maximum once; in longer ones
// it runs (Milakov and Gimelshein, arXiv:1805.02867, algorithm 3; FlashAttention, arXiv:2205.14135,
// algorithm 1), and sums are scaled once per 512 keys.
//
// Backward (attention_backward.h; FlashAttention, algorithm 4): for 64 keys and 256 queries at a
// time, P^T is recomputed from the log-sums, dS^T = P^T (V dO^T - delta), then dV += P^T dO,
// dK += dS^T Q and dQ += dS K. Key and value gradients of a group's heads are summed in float32.
//
// Unlike the papers' tiles, ours skip what the mask hides to the vector: a block of 4 or 8 keys
// takes only vectors of queries that see one of them, and each product begins or ends its sum where
// the mask does. Weights are exact zeros beyond it.
//
// With bfloat16 products (kAvx512Bf16) weights and slopes are rounded to bfloat16 for the products,
// as LibTorch's kernel rounds them; at lower levels bfloat16 is widened to float32 and only results
// are rounded. Sums are float32 always, in an order that depends on the sizes and the level alone.
#include "kernel/attention_kernel.h"

#include <type_traits>

#include "core/check.h"
#include "kernel/attention_level.h"
#include "kernel/attention_scratch.h"

namespace causeway {
namespace {

AttentionLevel level() {
#if defined(__x86_64__)
  switch (simd()) {
    case Simd::kAvx512Bf16:
      return attention_avx512_bf16();
    case Simd::kAvx512:
      return attention_avx512();
    case Simd::kAvx2:
      return attention_avx2();
    case Simd::kBaseline:
      break;
  }
#endif
  return attention_baseline();
}

template <class Value>
AttentionPasses<Value> passes(const AttentionSizes& sizes, std::span<std::byte> scratch) {
  CW_CHECK(attention_kernel_fits(sizes));
  CW_CHECK(scratch.size() >= attention_scratch_bytes(sizes));
  CW_CHECK(reinterpret_cast<uintptr_t>(scratch.data()) % 64 == 0);
  static const AttentionLevel best = level();
  if constexpr (std::is_same_v<Value, float>)
    return best.floats;
  else
    return best.bf16s;
}

}  // namespace

bool attention_kernel_fits(const AttentionSizes& sizes) {
  return sizes.time > 0 && sizes.kv_heads > 0 && sizes.heads % sizes.kv_heads == 0 &&
         sizes.head_width >= 2 && sizes.head_width <= 256 && sizes.head_width % 2 == 0;
}

size_t attention_scratch_bytes(const AttentionSizes& sizes) {
  Carver carver;
  const AttentionScratch scratch(sizes, carver);
  return carver.bytes;
}

template <class Value>
void attention_forward(const AttentionSizes& sizes, const Value* heads_THD, Value* out_TND,
                       float* log_sum_NT, std::span<std::byte> scratch) {
  passes<Value>(sizes, scratch).forward(sizes, heads_THD, out_TND, log_sum_NT, scratch.data());
}

template <class Value>
void attention_backward(const AttentionSizes& sizes, const Value* heads_THD, const Value* out_TND,
                        const Value* dout_TND, const float* log_sum_NT, Value* dheads_THD,
                        std::span<std::byte> scratch) {
  passes<Value>(sizes, scratch)
      .backward(sizes, heads_THD, out_TND, dout_TND, log_sum_NT, dheads_THD, scratch.data());
}

template void attention_forward(const AttentionSizes&, const float*, float*, float*,
                                std::span<std::byte>);
template void attention_forward(const AttentionSizes&, const Bf16*, Bf16*, float*,
                                std::span<std::byte>);
template void attention_backward(const AttentionSizes&, const float*, const float*, const float*,
                                 const float*, float*, std::span<std::byte>);
template void attention_backward(const AttentionSizes&, const Bf16*, const Bf16*, const Bf16*,
                                 const float*, Bf16*, std::span<std::byte>);

}  // namespace causeway
