// SPDX-License-Identifier: Apache-2.0
//
// B batch, T time, S time of the keys, N query heads, G key/value heads, H = N + 2G, D head width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace causeway {

struct HeadCounts {
  int64_t heads, kv_heads;
};

/// Causal softmax(q k^T / sqrt(D)) v of each text. Query head n reads key head n / (N/G): Ainslie
/// and others, "GQA", arXiv:2305.13245. `heads_BTHD` (contiguous) has queries, keys and values side
/// by side. `log_sum_BNT`, in the wide type, gets the logarithm of each query's sum of
/// exponentials. Our own kernel where it fits the machine, else LibTorch's: neither keeps a T x T
/// matrix. Thread-safe.
void attend(const HeadCounts& counts, const at::Tensor& heads_BTHD, const at::Tensor& out_BTND,
            const at::Tensor& log_sum_BNT);

/// The gradient of `attend` with respect to `heads_BTHD`, given that of its output.
void attend_backward(const HeadCounts& counts, const at::Tensor& heads_BTHD,
                     const at::Tensor& out_BTND, const at::Tensor& log_sum_BNT,
                     const at::Tensor& dout_BTND, const at::Tensor& dheads_BTHD);

/// The same forward pass where keys and values of earlier tokens are kept apart: the last query
/// sees every key (S >= T). Channels are adjacent, other strides free.
at::Tensor attend_cached(const at::Tensor& q_BTND, const at::Tensor& k_BSGD,
                         const at::Tensor& v_BSGD);

}  // namespace causeway
