// SPDX-License-Identifier: Apache-2.0
#include "model/cross_entropy.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/_log_softmax.h>
#include <ATen/ops/gather.h>

namespace causeway {

at::Tensor cross_entropy(at::Tensor& logits_MV, const at::Tensor& targets_M) {
  at::_log_softmax_out(logits_MV, logits_MV, 1, false);
  return at::gather(logits_MV, 1, targets_M.unsqueeze(1)).squeeze(1).neg_();
}

void cross_entropy_backward(at::Tensor& log_p_MV, const at::Tensor& targets_M) {
  log_p_MV.exp_();
  const int64_t vocabulary = log_p_MV.size(1);
  const int64_t* targets = targets_M.const_data_ptr<int64_t>();
  AT_DISPATCH_FLOATING_TYPES(log_p_MV.scalar_type(), "cross_entropy_backward", [&] {
    scalar_t* p = log_p_MV.data_ptr<scalar_t>();
    for (int64_t row = 0; row < log_p_MV.size(0); ++row) p[row * vocabulary + targets[row]] -= 1;
  });
}

}  // namespace causeway
