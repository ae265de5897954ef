// SPDX-License-Identifier: Apache-2.0
//
// M rows (batch times time), C channels.
#pragma once

#include <ATen/core/Tensor.h>

namespace causeway {

/// Rows divided by their root mean square. The gain is not here: it is folded into the matrices
/// that read the rows (model/gain.h).
struct Normed {
  at::Tensor y_MC;
  at::Tensor scale_M;  ///< what each row was multiplied by
};

/// y = x / sqrt(mean(x^2) + eps), row by row: Zhang and Sennrich, "Root Mean Square Layer
/// Normalization", NeurIPS 2019, equation 4 without its gain. Thread-safe.
Normed normalise(const at::Tensor& x_MC, double eps);

/// Adds to `dx_MC` the gradient with respect to x, given that with respect to y.
void normalise_backward(const Normed& normed, const at::Tensor& dy_MC, const at::Tensor& dx_MC);

}  // namespace causeway
