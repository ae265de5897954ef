// SPDX-License-Identifier: Apache-2.0
//
// M rows, C inputs, O outputs.
#pragma once

#include <ATen/core/Tensor.h>

#include "tensor/workspace.h"

namespace causeway {

/// y W^T: [M, O]. It and the next lie in the workspace.
at::Tensor product(const at::Tensor& y_MC, const at::Tensor& w_OC, Workspace& workspace);

/// dy W, the gradient with respect to the rows that W read: [M, C].
at::Tensor product_backward(const at::Tensor& dy_MO, const at::Tensor& w_OC, Workspace& workspace);

/// dy^T y, the gradient with respect to W: set, or added to `dw_OC`, which has the wide type.
void weight_gradient(const at::Tensor& dy_MO, const at::Tensor& y_MC, bool add,
                     const at::Tensor& dw_OC, Workspace& workspace);

}  // namespace causeway
