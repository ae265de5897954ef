// SPDX-License-Identifier: Apache-2.0
//
// C channels, O outputs of all the matrices together.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "tensor/arena.h"

namespace causeway {

/// Matrices that read the same normalised rows, with the norm's gain folded in:
/// (y * gain) W^T = y (W diag(gain))^T. So gain and its gradient cost passes over the weights
/// instead of over the activations, and one product serves all the matrices. Thread-safe.
class GainedMatrices {
 public:
  /// Indices of the gain [C] and the matrices [O_i, C] in the layout.
  GainedMatrices(const Layout& layout, size_t gain, std::vector<size_t> matrices);

  /// The matrices one below the other, each column times its gain: [O, C].
  at::Tensor fold(const Arena& x) const;

  /// Overwrites the gradients of the matrices and the gain, given that of the folded matrix, which
  /// is used up.
  void backward(const Arena& x, at::Tensor& dfolded_OC, Arena& g) const;

 private:
  size_t gain_;
  std::vector<size_t> matrices_;
  int64_t outputs_ = 0, channels_;
};

}  // namespace causeway
