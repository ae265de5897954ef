// SPDX-License-Identifier: Apache-2.0
//
// M rows (batch times time), N query heads, G key heads, H = N + G, R heads of a row, D head width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tensor/workspace.h"

namespace causeway {

/// What the backward pass of head_norm wants.
struct HeadNormed {
  at::Tensor y_MHD;     ///< heads divided by their root mean square, before the gain
  at::Tensor scale_MH;  ///< what each was multiplied by
};

struct HeadNormSizes {
  int64_t heads, kv_heads;
  double eps;
};

/// RMSNorm of every query's and every key's head over its own channels, with one gain for queries
/// and one for keys, `gains_2D` in the wide type: Dehghani and others, "Scaling Vision Transformers
/// to 22 Billion Parameters", arXiv:2302.05442, section 2, with RMSNorm as in Qwen3. In place on
/// the first H heads of each row of `heads_MRD` (contiguous, R >= H): queries, then keys. What it
/// returns lies in the workspace. Thread-safe.
HeadNormed head_norm(const HeadNormSizes& sizes, const at::Tensor& gains_2D,
                     const at::Tensor& heads_MRD, Workspace& workspace);

/// Turns the gradient with respect to the outputs into that with respect to the inputs, in place,
/// and sets the gradient of the gains, or adds to it.
void head_norm_backward(const HeadNormSizes& sizes, const at::Tensor& gains_2D,
                        const HeadNormed& saved, const at::Tensor& dheads_MRD,
                        const at::Tensor& dgains_2D, bool add, Workspace& workspace);

}  // namespace causeway
