// SPDX-License-Identifier: Apache-2.0
//
// M rows, O outputs of all the matrices together.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "tensor/arena.h"

namespace causeway {

/// The biases of matrices whose outputs lie side by side. Thread-safe.
class Biases {
 public:
  /// Indices in the layout, in order of the outputs; none: nothing is added.
  explicit Biases(std::vector<size_t> biases);

  /// out += bias, row by row.
  void add(const Arena& x, at::Tensor& out_MO) const;
  /// Overwrites the gradients of the biases, given that of the outputs, contiguous.
  void backward(const at::Tensor& dout_MO, Arena& g) const;

 private:
  std::vector<size_t> biases_;
};

}  // namespace causeway
