// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

namespace causeway {

/// Sum of squares in double. Value i goes to lane i mod 8, and the lanes are added pairwise: the
/// same values give the same bits, wherever they lie. Sums over parts of a span differ from the sum
/// over the whole by double rounding only; add them in a fixed order. Pure and thread-safe.
double squared_norm(std::span<const float> values);

/// min(1, limit / (norm + 1e-6)): what the gradient is multiplied by so that its norm is at most
/// `limit`, as torch.nn.utils.clip_grad_norm_ (Pascanu et al., arXiv:1211.5063, Algorithm 1). A
/// limit of 0 is no clip: 1. A norm of NaN gives NaN, so that it is not hidden.
double clip_scale(double norm, double limit);

}  // namespace causeway
