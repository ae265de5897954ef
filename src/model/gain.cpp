// SPDX-License-Identifier: Apache-2.0
#include "model/gain.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sum.h>

#include <utility>

namespace causeway {

GainedMatrices::GainedMatrices(const Layout& layout, size_t gain, std::vector<size_t> matrices)
    : gain_(gain), matrices_(std::move(matrices)), channels_(layout.tensors()[gain].shape[0]) {
  for (const size_t matrix : matrices_) outputs_ += layout.tensors()[matrix].shape[0];
}

at::Tensor GainedMatrices::fold(const Arena& x) const {
  at::Tensor folded_OC = at::empty({outputs_, channels_}, x.flat().options());
  int64_t first = 0;
  for (const size_t matrix : matrices_) {
    const int64_t count = x[matrix].size(0);
    at::Tensor part = folded_OC.narrow(0, first, count);
    at::mul_out(part, x[matrix], x[gain_]);
    first += count;
  }
  return folded_OC;
}

void GainedMatrices::backward(const Arena& x, at::Tensor& dfolded_OC, Arena& g) const {
  int64_t first = 0;
  for (const size_t matrix : matrices_) {
    const int64_t count = x[matrix].size(0);
    at::Tensor part = dfolded_OC.narrow(0, first, count);
    at::Tensor gradient = g[matrix];
    at::mul_out(gradient, part, x[gain_]);
    part.mul_(x[matrix]);
    first += count;
  }
  at::Tensor gradient = g[gain_];
  at::sum_out(gradient, dfolded_OC, at::IntArrayRef{0});
}

}  // namespace causeway
