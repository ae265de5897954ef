// SPDX-License-Identifier: Apache-2.0
//
// M rows, C columns.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace causeway {

/// Rows that are summed one after the other before such sums are added up. A part of the result:
/// with it fixed, the number of threads changes no bit.
constexpr int64_t kRowsPerSum = 64;

/// The sum of each column: [C]. `x_MC` is contiguous. Thread-safe.
at::Tensor column_sums(const at::Tensor& x_MC);

}  // namespace causeway
