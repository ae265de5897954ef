// SPDX-License-Identifier: Apache-2.0
//
// Matrices rearranged for the kernel of products: transposed, interleaved, rounded. By rows; bits
// are moved, never changed, but for the rounding.
#pragma once

#include <cstdint>

#include "core/bf16.h"

namespace causeway {

/// target [columns, >= rows] = source [rows, columns] transposed, for values of 32 bits. Strides
/// are in values between rows.
void transpose(const float* source, int64_t source_stride, int64_t rows, int64_t columns,
               float* target, int64_t target_stride);

/// `target` gets pairs (first[i], second[i]); a null `second` stands for zeros.
void interleave(const Bf16* first, const Bf16* second, int64_t count, Bf16* target);

/// Rounds to nearest even, value by value. Subnormal values may become zero.
void round_to_bf16(const float* source, int64_t count, Bf16* target);

}  // namespace causeway
