// SPDX-License-Identifier: Apache-2.0
//
// M rows, I inner width.
#pragma once

#include <ATen/core/Tensor.h>

namespace causeway {

/// out = silu(gate) * up, with gate and up side by side, silu(x) = x / (1 + e^-x): Shazeer, "GLU
/// Variants Improve Transformer", arXiv:2002.05202, equation 6. Thread-safe.
void swiglu(const at::Tensor& gate_up_M2I, const at::Tensor& out_MI);

/// Turns `gate_up` into the gradient with respect to it, and `dout_MI`, the gradient of the output,
/// into the output itself, which the caller has not kept.
void swiglu_backward(const at::Tensor& gate_up_M2I, const at::Tensor& dout_MI);

}  // namespace causeway
