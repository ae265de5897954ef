// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/low_rank.h"
#include "optim/test_tensor.h"

namespace causeway {
namespace {

// P of full rank is a rotation: GaLore is Adam on P^T g, whose steps P turns back. So P^T x goes as
// Adam's x does, and norms are the same. Tall matrices are turned first.
TEST(Galore, OfFullRankIsAdamInARotatedFrame) {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{6, 11}, {11, 6}}) {
    const bool tall = rows > columns;
    const int64_t p = std::min(rows, columns), q = std::max(rows, columns);
    const auto galore = make_optimizer("galore", "rank = 64\nalpha = 1\nweight_decay = 0");
    const auto adam = make_optimizer("adamw", "betas = [0.9, 0.999]\nweight_decay = 0");
    const auto seen = [&](const Floats& values) {
      return tall ? MatrixView(values, rows, columns).transposed()
                  : MatrixView(values, rows, columns);
    };
    Floats basis(static_cast<size_t>(p * p));
    const Floats first = normals(p * q, 0);
    ASSERT_TRUE(left_basis(seen(first), p, basis));
    const auto turned = [&](const Floats& values) {
      Floats out(values.size());
      multiply(MatrixView(basis, p, p).transposed(), seen(values), out);
      return out;
    };
    TestTensor run(*galore, rows, columns), frame(*adam, p, q);
    frame.x = turned(run.x);
    const Floats start = frame.x;
    for (int64_t n = 0; n < 6; ++n) {
      const Floats g = normals(p * q, static_cast<uint32_t>(n));
      run.step(*galore, {.count = n, .rate = 0.01}, g);
      adam->step({.count = n, .rate = 0.01}, frame.x, turned(g), frame.spans());
    }
    EXPECT_LT(norm(difference(turned(run.x), frame.x)), 1e-4 * norm(difference(frame.x, start)));
  }
}

TEST(Galore, MovesWithinTheGradientsLargestDirections) {
  const auto galore = make_optimizer("galore", "rank = 2\nrefresh = 3\nweight_decay = 0");
  TestTensor run(*galore, 8, 12);
  const auto moved_rank = [&](int64_t begin, int64_t end) {
    const Floats before = run.x;
    for (int64_t n = begin; n < end; ++n)
      run.step(*galore, {.count = n, .rate = 0.1}, normals(96, static_cast<uint32_t>(n)));
    const auto values = singular_values(difference(run.x, before), 8, 12);
    return std::ranges::count_if(values, [&](double value) { return value > 1e-4 * values[0]; });
  };
  EXPECT_EQ(moved_rank(0, 3), 2);
  EXPECT_EQ(moved_rank(3, 6), 2);
  // Across a refresh two subspaces add up.
  EXPECT_EQ(moved_rank(6, 12), 4);
}

TEST(Galore, WaitsForAGradient) {
  const auto galore = make_optimizer("galore", "rank = 2\nweight_decay = 0");
  TestTensor run(*galore, 4, 5);
  const Floats before = run.x;
  run.step(*galore, {.count = 0, .rate = 0.1}, Floats(20));
  EXPECT_EQ(run.x, before);
  run.step(*galore, {.count = 1, .rate = 0.1}, normals(20, 1));
  EXPECT_NE(run.x, before);
}

}  // namespace
}  // namespace causeway
