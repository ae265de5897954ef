// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

#include "core/simd.h"

namespace causeway {

/// Runs `each(row)` for every row, shared among LibTorch's threads where that pays, compiled for
/// this machine's vectors. Rows must not depend on one another, so that the number of threads
/// changes no bit.
template <class Each>
void each_row(int64_t rows, int64_t values_per_row, const Each& each) {
  constexpr int64_t kValuesPerTask = 32'768;
  const int64_t rows_per_task = std::max<int64_t>(1, kValuesPerTask / values_per_row);
  at::parallel_for(0, rows, rows_per_task, [&each](int64_t begin, int64_t end) {
    with_simd([&each, begin, end] {
      for (int64_t row = begin; row < end; ++row) each(row);
    });
  });
}

}  // namespace causeway
