// SPDX-License-Identifier: Apache-2.0
//
// B batch, T time, S time of the keys, N query heads, G key/value heads, D head width.
#pragma once

#include <ATen/core/Tensor.h>

namespace causeway {

struct Attended {
  at::Tensor out_BTND;     ///< contiguous
  at::Tensor log_sum_BNT;  ///< of the exponentials, by query
};

struct AttentionGradient {
  at::Tensor q_BTND, k_BTGD, v_BTGD;
};

/// Causal softmax(q k^T / sqrt(D)) v: the last query sees every key (S >= T). Query head n reads
/// key head n / (N/G): Ainslie and others, "GQA", arXiv:2305.13245. Channels are adjacent, other
/// strides free. LibTorch's tiled kernel for CPUs: no S x T matrix is kept. Thread-safe.
Attended attend(const at::Tensor& q_BTND, const at::Tensor& k_BSGD, const at::Tensor& v_BSGD);

/// The gradients of `attend` with S = T, given that of its output.
AttentionGradient attend_backward(const at::Tensor& dout_BTND, const at::Tensor& q_BTND,
                                  const at::Tensor& k_BTGD, const at::Tensor& v_BTGD,
                                  const Attended& attended);

}  // namespace causeway
