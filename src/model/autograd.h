// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "tensor/arena.h"

namespace causeway {

/// A scalar loss as a function of the parameters: one tensor for each of layout().tensors(),
/// aliases being their targets' tensors.
using LossFunction = std::function<at::Tensor(const std::vector<at::Tensor>& parameters)>;

/// Runs `loss` at `x` through LibTorch's autograd, overwrites every gradient in `g` and returns the
/// loss. The reference in tests, and the way in for a model without a written-out backward pass,
/// which costs more time and memory. A parameter that the loss does not use gets zeros. Thread-safe
/// on distinct `g`.
double autograd_loss_and_gradient(const Arena& x, Arena& g, const LossFunction& loss);

}  // namespace causeway
