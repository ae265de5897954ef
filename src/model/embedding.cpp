// SPDX-License-Identifier: Apache-2.0
#include "model/embedding.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/index_select.h>

namespace causeway {

at::Tensor embed(const at::Tensor& table_VC, const at::Tensor& tokens_M) {
  return at::index_select(table_VC, 0, tokens_M);
}

void embed_backward(const at::Tensor& dout_MC, const at::Tensor& tokens_M, at::Tensor& dtable_VC) {
  const int64_t channels = dout_MC.size(1);
  const int64_t* tokens = tokens_M.const_data_ptr<int64_t>();
  AT_DISPATCH_FLOATING_TYPES(dout_MC.scalar_type(), "embed_backward", [&] {
    const scalar_t* source = dout_MC.const_data_ptr<scalar_t>();
    scalar_t* table = dtable_VC.data_ptr<scalar_t>();
    // Two rows may have one token, so rows are not shared among threads.
    for (int64_t row = 0; row < dout_MC.size(0); ++row) {
      scalar_t* target = table + tokens[row] * channels;
      for (int64_t c = 0; c < channels; ++c) target[c] += source[row * channels + c];
    }
  });
}

}  // namespace causeway
