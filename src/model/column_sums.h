// SPDX-License-Identifier: Apache-2.0
//
// M rows, C columns.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace causeway {

/// Rows that are summed one after the other before such sums are added up: a part of the result.
constexpr int64_t kRowsPerSum = 64;

/// Sums each column in the wide type: to `sums_C`, or added to it. Sums of 64 rows are added up one
/// after the other, whatever the number of threads. `x_MC` is contiguous. Thread-safe.
void column_sums(const at::Tensor& x_MC, const at::Tensor& sums_C, bool add);

}  // namespace causeway
