// SPDX-License-Identifier: Apache-2.0
#include "model/embedding.h"

#include <algorithm>

#include "model/element.h"
#include "model/rows.h"

namespace causeway {

void embed(const at::Tensor& table_VC, const at::Tensor& tokens_M, const at::Tensor& out_MC) {
  const int64_t channels = out_MC.size(1);
  const int64_t* tokens = tokens_M.const_data_ptr<int64_t>();
  with_wide(out_MC.scalar_type(), [&]<class Element>(Element) {
    const Element* table = values_of<Element>(table_VC);
    Element* out = values_of<Element>(out_MC);
    each_row(out_MC.size(0), channels, [=](int64_t row) {
      std::copy_n(table + tokens[row] * channels, channels, out + row * channels);
    });
  });
}

void embed_backward(const at::Tensor& dout_MC, const at::Tensor& tokens_M,
                    const at::Tensor& dtable_VC) {
  const int64_t channels = dout_MC.size(1), rows = dout_MC.size(0);
  const int64_t* tokens = tokens_M.const_data_ptr<int64_t>();
  with_wide(dout_MC.scalar_type(), [&]<class Element>(Element) {
    const Element* source = values_of<Element>(dout_MC);
    Element* table = values_of<Element>(dtable_VC);
    // Two rows may have one token, so rows are not shared among threads.
    with_simd([=] {
      for (int64_t row = 0; row < rows; ++row) {
        Element* __restrict target = table + tokens[row] * channels;
        const Element* __restrict from = source + row * channels;
        for (int64_t c = 0; c < channels; ++c) target[c] += from[c];
      }
    });
  });
}

}  // namespace causeway
