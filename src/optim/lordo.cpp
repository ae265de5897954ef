// SPDX-License-Identifier: Apache-2.0
#include "optim/lordo.h"

#include <algorithm>

namespace causeway {

MomentCorrection LordoOptions::correction(int64_t updates) const {
  return bias_correction ? MomentCorrection::after(updates, betas[0], betas[1])
                         : MomentCorrection{};
}

void lordo_refresh(const LordoOptions& options, int64_t updates, int64_t rows, int64_t columns,
                   std::span<const float> delta, std::span<float> q, std::span<float> u,
                   std::span<float> v) {
  refresh_basis({delta, rows, columns}, std::min({options.rank, rows, columns}),
                options.correction(updates), q, u, v);
}

}  // namespace causeway
