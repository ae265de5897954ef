// SPDX-License-Identifier: Apache-2.0
#include "model/swiglu.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>

namespace causeway {

Gated swiglu(const at::Tensor& gate_up_M2I) {
  const int64_t inner = gate_up_M2I.size(1) / 2;
  Gated gated;
  gated.silu_MI = at::silu(gate_up_M2I.narrow(1, 0, inner));
  gated.out_MI = at::mul(gated.silu_MI, gate_up_M2I.narrow(1, inner, inner));
  return gated;
}

at::Tensor swiglu_backward(const at::Tensor& gate_up_M2I, const Gated& gated, at::Tensor& dout_MI) {
  const int64_t inner = gate_up_M2I.size(1) / 2;
  at::Tensor dgate_up_M2I = at::empty_like(gate_up_M2I);
  at::Tensor dgate = dgate_up_M2I.narrow(1, 0, inner), dup = dgate_up_M2I.narrow(1, inner, inner);
  at::mul_out(dup, dout_MI, gated.silu_MI);
  dout_MI.mul_(gate_up_M2I.narrow(1, inner, inner));
  at::silu_backward_out(dgate, dout_MI, gate_up_M2I.narrow(1, 0, inner));
  return dgate_up_M2I;
}

}  // namespace causeway
