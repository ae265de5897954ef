// SPDX-License-Identifier: Apache-2.0
//
// M rows (batch times time), N query heads, G key heads, H = N + G, D head width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tensor/arena.h"

namespace causeway {

/// What the backward pass of a HeadNorm wants.
struct HeadNormed {
  at::Tensor y_MHD;     ///< heads divided by their root mean square, before the gain
  at::Tensor scale_MH;  ///< what each was multiplied by
};

/// RMSNorm of every query's and every key's head over its own channels, with one gain [D] for
/// queries and one for keys: Dehghani and others, "Scaling Vision Transformers to 22 Billion
/// Parameters", arXiv:2302.05442, section 2, with RMSNorm as in Qwen3. Thread-safe.
class HeadNorm {
 public:
  struct Sizes {
    int64_t heads, kv_heads;
    double eps;
  };
  /// Indices of the gains in the layout.
  HeadNorm(size_t query_gain, size_t key_gain, const Sizes& sizes);

  /// In place on the first H heads of each row of `heads_MRD` (contiguous, R >= H): queries, then
  /// keys.
  HeadNormed forward(const Arena& x, const at::Tensor& heads_MRD) const;
  /// Turns the gradient with respect to the outputs into that with respect to the inputs, in place,
  /// and overwrites the gradients of the gains.
  void backward(const Arena& x, const HeadNormed& saved, const at::Tensor& dheads_MRD,
                Arena& g) const;

 private:
  size_t query_gain_, key_gain_;
  Sizes sizes_;
};

}  // namespace causeway
