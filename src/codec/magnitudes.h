// SPDX-License-Identifier: Apache-2.0
//
// The k largest |value|, exactly. Bits of a float without its sign are ordered as magnitudes are.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "codec/indices.h"

namespace causeway {

inline int32_t magnitude_bits(float value) { return std::bit_cast<int32_t>(value) & 0x7fffffff; }

/// Where the k largest end: those above `least`, and those equal to it at an index below
/// `ties_end`. Equal magnitudes go by index, the lower first. An exact zero is never among them.
struct TopCut {
  int32_t least = 0;
  int64_t ties_end = 0;
};

/// The cut for 1 <= k <= values.size(), at most 2^32 values, all finite.
TopCut top_cut(std::span<const float> values, int64_t k);

/// Appends the indices of values of `least` bits or more; `first` is the index of values[0].
void select_from(std::span<const float> values, size_t first, int32_t least, Selection& selection);

/// Appends those on the near side of the cut; `begin` is the index of values[0] as the cut counts.
void select_cut(std::span<const float> values, size_t first, const TopCut& cut, int64_t begin,
                Selection& selection);

}  // namespace causeway
