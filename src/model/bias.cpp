// SPDX-License-Identifier: Apache-2.0
#include "model/bias.h"

#include <utility>

#include "model/column_sums.h"

namespace causeway {

Biases::Biases(std::vector<size_t> biases) : biases_(std::move(biases)) {}

void Biases::add(const Arena& x, at::Tensor& out_MO) const {
  int64_t first = 0;
  for (const size_t bias : biases_) {
    out_MO.narrow(1, first, x[bias].size(0)).add_(x[bias]);
    first += x[bias].size(0);
  }
}

void Biases::backward(const at::Tensor& dout_MO, Arena& g) const {
  if (biases_.empty()) return;
  const at::Tensor sums_O = column_sums(dout_MO);
  int64_t first = 0;
  for (const size_t bias : biases_) {
    g[bias].copy_(sums_O.narrow(0, first, g[bias].size(0)));
    first += g[bias].size(0);
  }
}

}  // namespace causeway
