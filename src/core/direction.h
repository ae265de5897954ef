// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace causeway {

/// The random direction z in {-1, +1}^P that a worker tries in a step (zeroth-order training):
/// writes values begin, begin + 1, ... of it. A pure function of its arguments, so that who knows
/// them need not be sent it, and however it is cut, the parts are the same. step, begin >= 0, below
/// 2^24 and 2^46.
void fill_direction(uint64_t seed, int64_t step, int32_t worker, int64_t begin,
                    std::span<float> out);

}  // namespace causeway
