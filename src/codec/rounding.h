// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/options.h"

namespace causeway {

/// How a codec rounds what lies between two values that it can write.
enum class Rounding : uint8_t {
  kNearest,
  kStochastic,  ///< up with the probability of how far up it lies: right on average
};

/// The option of codecs that have the choice; `visit` is that of Options::each.
template <class Visit>
void visit_rounding(Visit&& visit, Rounding& rounding) {
  visit("rounding", rounding,
        Choices<Rounding>{{{"nearest", Rounding::kNearest}, {"stochastic", Rounding::kStochastic}}},
        "", "To the nearest, or by chance to either neighbour so that the mean is right.");
}

}  // namespace causeway
