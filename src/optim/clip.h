// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace causeway {

/// min(1, limit / (norm + 1e-6)): what the gradient is multiplied by so that its norm is at most
/// `limit`, as torch.nn.utils.clip_grad_norm_ (Pascanu et al., arXiv:1211.5063, Algorithm 1). A
/// limit of 0 is no clip: 1. A norm of NaN gives NaN, so that it is not hidden.
double clip_scale(double norm, double limit);

}  // namespace causeway
