// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

namespace causeway {

/// Sum of squares in double. Value i goes to lane i mod 8, and the lanes are added pairwise: the
/// same values give the same bits, wherever they lie. Sums over parts of a span differ from the sum
/// over the whole by double rounding only; add them in a fixed order. Pure and thread-safe.
double squared_norm(std::span<const float> values);

/// The same of a - b, whose differences are exact in double or rounded there. Of equal sizes.
double squared_distance(std::span<const float> a, std::span<const float> b);

}  // namespace causeway
