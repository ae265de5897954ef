// SPDX-License-Identifier: Apache-2.0
//
// One matrix under an inner optimizer, for tests.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "core/matrix.h"
#include "core/random.h"
#include "core/symmetric.h"
#include "core/toml.h"
#include "optim/inner.h"

namespace causeway {

using Floats = std::vector<float>;

inline std::unique_ptr<InnerOptimizer> make_optimizer(const std::string& name,
                                                      const std::string& options = "") {
  Mistakes mistakes;
  Plugin plugin{name, parse_toml(options, "test", mistakes)};
  auto out = make_plugin(inner_optimizers(), "inner optimizer", plugin, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  return out;
}

/// Normal numbers.
inline Floats normals(int64_t count, uint32_t index) {
  const Random random(3, Stream::kWeights, index);
  Floats out;
  for (int64_t i = 0; i < count; ++i)
    out.push_back(static_cast<float>(random.normal(static_cast<uint64_t>(i))));
  return out;
}

/// A matrix with its states, as the trainer holds them.
struct TestTensor {
  TestTensor(const InnerOptimizer& optimizer, int64_t rows, int64_t columns,
             TensorPlace::Kind kind = TensorPlace::Kind::kMatrix)
      : place{"m", kind, rows, columns},
        x(normals(rows * columns, 99)),
        states(optimizer.states().size(), Floats(x.size())) {
    optimizer.start_tensor(place, spans());
  }

  std::vector<std::span<float>> spans() { return {states.begin(), states.end()}; }
  void step(const InnerOptimizer& optimizer, const Update& update, const Floats& g) {
    ASSERT_TRUE(optimizer.takes_whole(place));
    optimizer.step_tensor(update, place, x, g, spans());
  }
  MatrixView view() const { return {x, place.rows, place.columns}; }

  TensorPlace place;
  Floats x;
  std::vector<Floats> states;
};

/// a - b.
inline Floats difference(const Floats& a, const Floats& b) {
  Floats out(a);
  for (size_t i = 0; i < a.size(); ++i) out[i] -= b[i];
  return out;
}

inline double norm(const Floats& values) {
  double sum = 0;
  for (const float value : values) sum += double{value} * double{value};
  return std::sqrt(sum);
}

/// All singular values of [rows, columns], by falling size.
inline std::vector<double> singular_values(const Floats& values, int64_t rows, int64_t columns) {
  const MatrixView a(values, rows, columns);
  const int64_t size = std::min(rows, columns);
  std::vector<double> gram(static_cast<size_t>(size * size));
  rows <= columns ? multiply(a, a.transposed(), gram) : multiply(a.transposed(), a, gram);
  std::vector<double> out = largest_eigenvectors(gram, size, size).value().values;
  for (double& value : out) value = std::sqrt(std::max(value, 0.0));
  return out;
}

}  // namespace causeway
