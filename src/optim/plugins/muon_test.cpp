// SPDX-License-Identifier: Apache-2.0
#include "optim/muon.h"

#include <gtest/gtest.h>

#include "optim/test_tensor.h"

namespace causeway {
namespace {

const std::pair<int64_t, int64_t> kShapes[] = {{24, 24}, {16, 40}, {40, 16}};

TEST(Muon, MakesSingularValuesAboutOne) {
  for (const auto& [rows, columns] : kShapes) {
    Floats matrix = normals(rows * columns, 1);
    // Of size 1e-3, so that what is left as it was would show.
    for (float& value : matrix) value *= 1e-3f;
    orthogonalise(rows, columns, 5, matrix);
    const auto values = singular_values(matrix, rows, columns);
    EXPECT_LT(values.front(), 1.3) << rows << " x " << columns;
    // A square random matrix has a value near 0, which five steps do not lift to 1.
    EXPECT_GT(values.back(), rows == columns ? 0 : 0.6);
    EXPECT_GT(values[values.size() / 2], 0.6);
  }
}

// Singular vectors stay: X stays a symmetric function of a matrix, here of a rotation and a
// stretch, and the orthogonal factor is the rotation.
TEST(Muon, KeepsSingularVectors) {
  const Floats rotation{0.6f, -0.8f, 0.8f, 0.6f};
  Floats matrix{0.6f, -0.4f, 0.8f, 0.3f};  // rotation times diag(1, 0.5)
  orthogonalise(2, 2, 5, matrix);
  Floats turned_back(4);
  multiply(MatrixView(rotation, 2, 2).transposed(), {matrix, 2, 2}, turned_back);
  EXPECT_NEAR(turned_back[0], 1, 0.35);
  EXPECT_NEAR(turned_back[3], 1, 0.35);
  EXPECT_NEAR(turned_back[1], 0, 1e-5);
  EXPECT_NEAR(turned_back[2], 0, 1e-5);
}

// The polynomial itself, on a matrix of one value: b / (|b| + 1e-7) is 1 to begin with.
TEST(Muon, TakesTheStatedSteps) {
  Floats one{-5};
  orthogonalise(1, 1, 3, one);
  double wanted = -1;
  for (int i = 0; i < 3; ++i)
    wanted = 3.4445 * wanted - 4.7750 * std::pow(wanted, 3) + 2.0315 * std::pow(wanted, 5);
  EXPECT_NEAR(one[0], wanted, 1e-5);
}

double step_size(const std::string& options, int64_t rows, int64_t columns) {
  const auto optimizer = make_optimizer("muon", options + "\nweight_decay = 0");
  TestTensor run(*optimizer, rows, columns);
  const Floats before = run.x;
  run.step(*optimizer, {.count = 0, .rate = 0.01}, normals(rows * columns, 2));
  return norm(difference(run.x, before)) / 0.01;
}

TEST(Muon, ScalesByTheShape) {
  // n singular values of about 1 make a norm of about sqrt(n).
  for (const auto& [rows, columns] : kShapes) {
    const double base = std::sqrt(static_cast<double>(std::min(rows, columns)));
    const double tall =
        std::sqrt(std::max(1.0, static_cast<double>(rows) / static_cast<double>(columns)));
    EXPECT_NEAR(step_size("", rows, columns), base * tall, 0.25 * base * tall);
    const double rms = step_size("scale = \"rms\"", rows, columns) /
                       std::sqrt(static_cast<double>(rows * columns));
    EXPECT_NEAR(rms, 0.2, 0.05);
  }
}

TEST(Muon, LooksAheadByTheMomentum) {
  const auto plain = make_optimizer("muon", "nesterov = false\nmomentum = 0.5\nweight_decay = 0");
  const auto ahead = make_optimizer("muon", "nesterov = true\nmomentum = 0.5\nweight_decay = 0");
  TestTensor a(*plain, 6, 8), b = a;
  const Floats g0 = normals(48, 1), g1 = normals(48, 2), before = a.x;
  for (TestTensor* run : {&a, &b}) {
    const InnerOptimizer& optimizer = run == &a ? *plain : *ahead;
    run->step(optimizer, {.count = 0, .rate = 0}, g0);
    run->step(optimizer, {.count = 1, .rate = 0.1}, g1);
  }
  Floats momentum(48), direction(48);
  for (size_t i = 0; i < 48; ++i) {
    momentum[i] = 0.5f * g0[i] + g1[i];
    direction[i] = g1[i] + 0.5f * momentum[i];
  }
  EXPECT_EQ(a.states[0], momentum);
  EXPECT_EQ(b.states[0], momentum);
  EXPECT_EQ(a.states[1], Floats(48));
  orthogonalise(6, 8, 5, momentum);
  orthogonalise(6, 8, 5, direction);
  for (size_t i = 0; i < 48; ++i) {
    EXPECT_NEAR(a.x[i], before[i] - 0.1 * momentum[i], 1e-6);
    EXPECT_NEAR(b.x[i], before[i] - 0.1 * direction[i], 1e-6);
  }
}

TEST(Muon, LeavesTheRestToAdamWAtItsOwnRate) {
  const auto muon =
      make_optimizer("muon", "betas = [0.8, 0.9]\nadamw_lr = 0.25\nweight_decay = 0.1");
  const auto adamw = make_optimizer("adamw", "betas = [0.8, 0.9]\nweight_decay = 0.1");
  EXPECT_FALSE(muon->takes_whole({"embedding", TensorPlace::Kind::kTable, 8, 4}));
  TestTensor a(*muon, 3, 5), b = a;
  for (int64_t n = 0; n < 3; ++n) {
    const Floats g = normals(15, static_cast<uint32_t>(n));
    muon->step({.count = n, .rate = 0.4}, a.x, g, a.spans());
    adamw->step({.count = n, .rate = 0.1}, b.x, g, b.spans());
  }
  EXPECT_EQ(a.x, b.x);
  EXPECT_EQ(a.states, b.states);
}

}  // namespace
}  // namespace causeway
