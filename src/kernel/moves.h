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

/// Each two rows of source [rows, columns] become one row of pairs: target [(rows + 1) / 2,
/// columns, 2], with zeros after an odd last row. `target_stride` is between rows of pairs.
void interleave(const Bf16* source, int64_t source_stride, int64_t rows, int64_t columns,
                Bf16* target, int64_t target_stride);

/// Rounds source [rows, columns] to nearest even. Subnormal values may become zero.
void round_rows(const float* source, int64_t source_stride, int64_t rows, int64_t columns,
                Bf16* target, int64_t target_stride);

}  // namespace causeway
