// SPDX-License-Identifier: Apache-2.0
//
// M rows, C channels, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

namespace causeway {

/// The row of each token, int64 in [0, V), to `out_MC`. Thread-safe.
void embed(const at::Tensor& table_VC, const at::Tensor& tokens_M, const at::Tensor& out_MC);

/// Adds each row of `dout_MC` to its token's row of `dtable_VC`, in order of rows.
void embed_backward(const at::Tensor& dout_MC, const at::Tensor& tokens_M,
                    const at::Tensor& dtable_VC);

}  // namespace causeway
