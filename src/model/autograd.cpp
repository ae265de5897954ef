// SPDX-License-Identifier: Apache-2.0
#include "model/autograd.h"

#include <ATen/core/grad_mode.h>

#include "core/check.h"

namespace causeway {

double autograd_loss_and_gradient(const Arena& x, Arena& g, const LossFunction& loss) {
  const at::AutoGradMode with_gradients(true);
  const std::vector<Tensor>& tensors = x.placement().layout().tensors();
  g.flat().zero_();
  std::vector<at::Tensor> parameters;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].alias_of.empty()) {
      const Tensor* target = x.placement().layout().find(tensors[i].alias_of);
      parameters.push_back(parameters[static_cast<size_t>(target - tensors.data())]);
      continue;
    }
    // Shares the arena's memory and version counter: a write to x during the pass is noticed.
    parameters.push_back(x[i].detach().requires_grad_(true));
    parameters.back().mutable_grad() = g[i];
  }
  const at::Tensor value = loss(parameters);
  CW_CHECK(value.numel() == 1, "a loss of {} values", value.numel());
  value.backward();
  for (size_t i = 0; i < tensors.size(); ++i)
    CW_CHECK(parameters[i].grad().data_ptr() == g[i].data_ptr(), "gradient of {} is elsewhere",
             tensors[i].name);
  return value.item<double>();
}

}  // namespace causeway
