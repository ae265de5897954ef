// SPDX-License-Identifier: Apache-2.0
#include "optim/clip.h"

#include "core/check.h"

namespace causeway {

double clip_scale(double norm, double limit) {
  CW_CHECK(limit >= 0, "limit is {}", limit);
  if (limit == 0) return 1;
  const double scale = limit / (norm + 1e-6);
  return scale > 1 ? 1 : scale;
}

}  // namespace causeway
