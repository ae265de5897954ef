// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

namespace causeway {

/// The upper half of a float32, as a value to store; arithmetic is done in float.
struct Bf16 {
  uint16_t bits = 0;

  Bf16() = default;
  /// Rounds to nearest even; NaN stays NaN. Without a branch, so that loops vectorise.
  explicit Bf16(float value) {
    const auto whole = std::bit_cast<uint32_t>(value);
    const uint32_t rounded = (whole + 0x7fff + ((whole >> 16) & 1)) >> 16;
    const uint32_t quiet = (whole >> 16) | 0x40;
    bits = static_cast<uint16_t>((whole & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
  }
  explicit operator float() const {
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
};
static_assert(sizeof(Bf16) == 2);

}  // namespace causeway
