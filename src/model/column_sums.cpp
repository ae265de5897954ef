// SPDX-License-Identifier: Apache-2.0
//
// P blocks of rows.
#include "model/column_sums.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "core/check.h"
#include "model/rows.h"

namespace causeway {

at::Tensor column_sums(const at::Tensor& x_MC) {
  CW_CHECK(x_MC.dim() == 2 && x_MC.is_contiguous());
  const int64_t rows = x_MC.size(0), columns = x_MC.size(1);
  const int64_t blocks = (rows + kRowsPerSum - 1) / kRowsPerSum;
  at::Tensor sums_PC = at::zeros({blocks, columns}, x_MC.options());
  AT_DISPATCH_FLOATING_TYPES(x_MC.scalar_type(), "column_sums", [&] {
    const scalar_t* x = x_MC.const_data_ptr<scalar_t>();
    scalar_t* sums = sums_PC.data_ptr<scalar_t>();
    each_row(blocks, kRowsPerSum * columns, [=](int64_t block) {
      scalar_t* sum = sums + block * columns;
      const int64_t end = std::min(rows, (block + 1) * kRowsPerSum);
      for (int64_t row = block * kRowsPerSum; row < end; ++row)
        for (int64_t c = 0; c < columns; ++c) sum[c] += x[row * columns + c];
    });
  });
  return blocks > 1 ? column_sums(sums_PC) : sums_PC.view({columns});
}

}  // namespace causeway
