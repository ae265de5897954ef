// SPDX-License-Identifier: Apache-2.0
//
// M rows, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

namespace causeway {

/// -log softmax(logits)[target] of each row, in nats, to `losses_M`, which has the wide type of the
/// logits. Targets are int64 in [0, V). Thread-safe.
void cross_entropy(const at::Tensor& logits_MV, const at::Tensor& targets_M,
                   const at::Tensor& losses_M);

/// The same; and the logits become the gradient of `share` times the sum of all losses.
void cross_entropy_and_gradient(const at::Tensor& logits_MV, const at::Tensor& targets_M,
                                double share, const at::Tensor& losses_M);

}  // namespace causeway
