// SPDX-License-Identifier: Apache-2.0
//
// M rows, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

namespace causeway {

/// -log softmax(logits)[target] of each row, in nats: [M]. `logits_MV` becomes the
/// log-probabilities. Targets are int64 in [0, V). Thread-safe.
at::Tensor cross_entropy(at::Tensor& logits_MV, const at::Tensor& targets_M);

/// Turns what cross_entropy left behind into the gradient of the sum of all losses with respect to
/// the logits, in place.
void cross_entropy_backward(at::Tensor& log_p_MV, const at::Tensor& targets_M);

}  // namespace causeway
