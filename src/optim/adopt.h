// SPDX-License-Identifier: Apache-2.0
//
// The normalised gradient of ADOPT (Taniguchi et al., arXiv:2411.02853), which adopt and qh_adopt
// share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "core/elementwise.h"

namespace causeway {

/// Update n = 1, 2, ... bounds the normalised gradient by n^(1/4).
inline float adopt_limit(int64_t n) {
  return static_cast<float>(std::sqrt(std::sqrt(static_cast<double>(n))));
}

/// g / max(sqrt(v), eps), clamped to +-limit, with v from before this update. NaN stays NaN.
inline float adopt_normalised(float g, float v, float eps, float limit) {
  const float z = g / std::max(std::sqrt(v), eps);
  return std::min(std::max(z, -limit), limit);
}

/// The first update: v = (scale g)^2.
inline void adopt_start(float scale, std::span<const float> gradients, std::span<float> v) {
  elementwise(
      v.size(),
      [=](float gradient, float& second) {
        const float g = scale * gradient;
        second = g * g;
      },
      gradients.data(), v.data());
}

}  // namespace causeway
