// SPDX-License-Identifier: Apache-2.0
//
// M rows, I inner width.
#pragma once

#include <ATen/core/Tensor.h>

namespace causeway {

struct Gated {
  at::Tensor silu_MI;  ///< gate * sigmoid(gate)
  at::Tensor out_MI;   ///< silu * up
};

/// silu(gate) * up, with gate and up side by side: Shazeer, "GLU Variants Improve Transformer",
/// arXiv:2002.05202, equation 6. Thread-safe.
Gated swiglu(const at::Tensor& gate_up_M2I);

/// The gradient with respect to `gate_up`, [M, 2I]; `dout_MI` is used up.
at::Tensor swiglu_backward(const at::Tensor& gate_up_M2I, const Gated& gated, at::Tensor& dout_MI);

}  // namespace causeway
