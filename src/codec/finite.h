// SPDX-License-Identifier: Apache-2.0
//
// What every codec checks: that values are finite and that bytes are as many as the values need.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string_view>

#include "codec/codec.h"

namespace causeway {

/// The largest |value|, as the bits of a float: order of bits is order of magnitude, and NaN and
/// infinity are above kInfinityBits - 1. Integers, so that compilers vectorise it at the baseline.
inline constexpr uint32_t kInfinityBits = 0x7f800000;
uint32_t absmax_bits(std::span<const float> values);

inline bool all_finite(std::span<const float> values) {
  return absmax_bits(values) < kInfinityBits;
}

/// The contract of Codec::encode: 1 to kBlockValues finite values. Aborts if it is broken.
void check_block(std::span<const float> block);
/// Its two halves, for codecs that find the largest |value| as they go.
void check_block_size(std::span<const float> block);
void check_finite(uint32_t most_bits);

/// Fault::kCorrupt, in the name of `codec`, unless there are exactly `wanted` bytes.
Result<void> want_bytes(std::string_view codec, ByteSpan bytes, size_t wanted);

}  // namespace causeway
