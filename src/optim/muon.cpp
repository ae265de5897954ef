// SPDX-License-Identifier: Apache-2.0
#include "optim/muon.h"

#include <cmath>

#include "core/squared_norm.h"
#include "optim/whole.h"

namespace causeway {

void orthogonalise(int64_t rows, int64_t columns, int64_t iterations, std::span<float> matrix) {
  const Wide wide({.rows = rows, .columns = columns}, rows);
  const auto norm = static_cast<float>(std::sqrt(squared_norm(matrix)) + 1e-7);
  elementwise(matrix.size(), [=](float& value) { value /= norm; }, matrix.data());
  std::vector<float> gram(static_cast<size_t>(wide.p * wide.p)), square(gram.size()),
      product(matrix.size());
  for (int64_t i = 0; i < iterations; ++i) {
    const MatrixView x = wide.view(matrix), a(gram, wide.p, wide.p);
    multiply(x, x.transposed(), gram, Sum::kFloat);
    multiply(a, a, square, Sum::kFloat);
    elementwise(
        gram.size(), [](float& b, float s) { b = -4.7750f * b + 2.0315f * s; }, gram.data(),
        square.data());
    wide.product(a, x, product, Sum::kFloat);
    elementwise(
        matrix.size(), [](float& value, float p) { value = 3.4445f * value + p; }, matrix.data(),
        product.data());
  }
}

}  // namespace causeway
