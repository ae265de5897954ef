// SPDX-License-Identifier: Apache-2.0
//
// float32 to the 16-bit types, rounded to nearest even. The bits of a value that has an exact
// counterpart, NaN included, come back when it is widened again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace causeway {

/// Infinity for what is beyond the type.
uint16_t to_bf16(float value);
uint16_t to_half(float value);

/// Converts all and returns how many finite values became infinite.
size_t to_bf16(std::span<const float> values, std::span<uint16_t> out);
size_t to_half(std::span<const float> values, std::span<uint16_t> out);

}  // namespace causeway
