// SPDX-License-Identifier: Apache-2.0
//
// M rows (batch times time), C channels.
#pragma once

#include <ATen/core/Tensor.h>

namespace causeway {

/// Rows divided by their root mean square. The gain is not here: it is folded into the matrices
/// that read the rows (model/step_matrices.h).
struct Normed {
  at::Tensor y_MC;     ///< in the step's type
  at::Tensor scale_M;  ///< what each row was multiplied by, in the wide type
};

/// y = h / sqrt(mean(h^2) + eps), row by row: Zhang and Sennrich, "Root Mean Square Layer
/// Normalization", NeurIPS 2019, equation 4 without its gain. `h_MC` has the wide type of `out`.
/// Thread-safe.
void normalise(const at::Tensor& h_MC, double eps, const Normed& out);

/// Adds to `dh_MC` (wide) the gradient with respect to h, given that with respect to y, and writes
/// the sum to `narrow_MC` too, in the step's type, unless that is `dh_MC` itself.
void normalise_backward(const Normed& normed, const at::Tensor& dy_MC, const at::Tensor& dh_MC,
                        const at::Tensor& narrow_MC);

}  // namespace causeway
