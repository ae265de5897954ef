// SPDX-License-Identifier: Apache-2.0
#include "model/product.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

#include "model/element.h"
#include "model/rows.h"

namespace causeway {

at::Tensor product(const at::Tensor& y_MC, const at::Tensor& w_OC, Workspace& workspace) {
  at::Tensor out_MO = workspace.take({y_MC.size(0), w_OC.size(0)}, y_MC.scalar_type());
  return at::mm_out(out_MO, y_MC, w_OC.t());
}

at::Tensor product_backward(const at::Tensor& dy_MO, const at::Tensor& w_OC, Workspace& workspace) {
  at::Tensor out_MC = workspace.take({dy_MO.size(0), w_OC.size(1)}, dy_MO.scalar_type());
  return at::mm_out(out_MC, dy_MO, w_OC);
}

void weight_gradient(const at::Tensor& dy_MO, const at::Tensor& y_MC, bool add,
                     const at::Tensor& dw_OC, Workspace& workspace) {
  at::Tensor target_OC = dw_OC;
  if (dy_MO.scalar_type() == dw_OC.scalar_type()) {
    at::addmm_out(target_OC, dw_OC, dy_MO.t(), y_MC, add ? 1 : 0, 1);
    return;
  }
  // LibTorch has no product of bfloat16 matrices with a float32 result on CPUs. Its sum over the
  // rows is in float32, rounded once.
  const Workspace::Scope scope(workspace);
  at::Tensor rounded_OC = workspace.take(dw_OC.sizes(), dy_MO.scalar_type());
  at::mm_out(rounded_OC, dy_MO.t(), y_MC);
  const Bf16* source = values_of<Bf16>(rounded_OC);
  float* sums = values_of<float>(dw_OC);
  const int64_t channels = dw_OC.size(1);
  each_row(dw_OC.size(0), channels, [=](int64_t row) {
    const Bf16* __restrict from = source + row * channels;
    float* __restrict to = sums + row * channels;
    for (int64_t c = 0; c < channels; ++c)
      to[c] = add ? to[c] + static_cast<float>(from[c]) : static_cast<float>(from[c]);
  });
}

}  // namespace causeway
