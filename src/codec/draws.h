// SPDX-License-Identifier: Apache-2.0
//
// Random numbers of codecs that draw. They depend on the seed and on a value's place in the signal
// and on nothing else, so that how a signal is cut into calls changes no bit.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/random.h"

namespace causeway {

/// What Stream::kRounding is used for, told apart by its index. Fixed: they decide bits.
enum class Draw : uint32_t { kRound = 1, kMask = 2, kPositions = 3, kTile = 4 };

inline Random draws(uint64_t seed, Draw what) {
  return Random(seed, Stream::kRounding, static_cast<uint32_t>(what));
}

/// 32 uniform bits for each value from the one at `begin` on: a word of a Philox block of four.
void rounding_bits(uint64_t seed, int64_t begin, std::span<uint32_t> out);

/// `count` distinct numbers below `values` <= 2^16, in the order in which they were drawn.
void draw_positions(uint64_t seed, size_t values, size_t count, std::span<uint16_t> out);

}  // namespace causeway
