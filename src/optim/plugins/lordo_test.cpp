// SPDX-License-Identifier: Apache-2.0
#include "optim/lordo.h"

#include <gtest/gtest.h>

#include "core/dct.h"
#include "optim/test_tensor.h"

namespace causeway {
namespace {

constexpr int64_t kRows = 10, kColumns = 14, kRank = 3, kCount = kRows * kColumns;

std::unique_ptr<InnerOptimizer> lordo(const std::string& options) {
  return make_optimizer("lordo", "rank = 3\nbetas = [0.9, 0.99]\n" + options);
}

/// The equations of plugins/lordo.cpp in double, one value at a time.
struct ByHand {
  std::vector<double> x, u = std::vector<double>(kRank * kColumns), v = u,
                         e = std::vector<double>(kCount);
  std::vector<double> basis = std::vector<double>(kRows * kRank);

  static size_t at(int64_t row, int64_t column, int64_t columns) {
    return static_cast<size_t>(row * columns + column);
  }
  void step(const Floats& g, double rate, double omega, double c1, double c2) {
    std::vector<double> part(u.size());
    double mean = 0;
    for (int64_t j = 0; j < kColumns; ++j)
      for (int64_t k = 0; k < kRank; ++k) {
        double s = 0;
        for (int64_t i = 0; i < kRows; ++i)
          s += basis[at(i, k, kRank)] * (g[at(i, j, kColumns)] + e[at(i, j, kColumns)]);
        part[at(k, j, kColumns)] = s;
      }
    for (int64_t i = 0; i < kRows; ++i)
      for (int64_t j = 0; j < kColumns; ++j) {
        double& left = e[at(i, j, kColumns)];
        left += g[at(i, j, kColumns)];
        for (int64_t k = 0; k < kRank; ++k)
          left -= basis[at(i, k, kRank)] * part[at(k, j, kColumns)];
      }
    for (size_t i = 0; i < u.size(); ++i) {
      u[i] = 0.9 * u[i] + 0.1 * part[i];
      v[i] = 0.99 * v[i] + 0.01 * part[i] * part[i];
      const double w = std::sqrt(v[i] / c2) + 1e-8;
      part[i] = u[i] / c1 / w;
      mean += w / static_cast<double>(u.size());
    }
    for (int64_t i = 0; i < kRows; ++i)
      for (int64_t j = 0; j < kColumns; ++j) {
        double d = (1 - omega) * g[at(i, j, kColumns)] / mean;
        for (int64_t k = 0; k < kRank; ++k)
          d += omega * basis[at(i, k, kRank)] * part[at(k, j, kColumns)];
        x[at(i, j, kColumns)] -= rate * d;
      }
  }
};

TEST(Lordo, TakesTheStatedSteps) {
  for (const bool correct : {false, true}) {
    const auto optimizer = lordo(correct ? "omega = 0.7" : "omega = 0.7\nbias_correction = false");
    TestTensor run(*optimizer, kRows, kColumns);
    ByHand hand;
    hand.x.assign(run.x.begin(), run.x.end());
    const Dct dct(kRows);
    for (int64_t i = 0; i < kRows; ++i)
      for (int64_t k = 0; k < kRank; ++k) hand.basis[ByHand::at(i, k, kRank)] = dct(k, i);
    for (int64_t n = 1; n <= 6; ++n) {
      const Floats g = normals(kCount, static_cast<uint32_t>(n));
      run.step(*optimizer, {.count = n - 1, .rate = 0.01}, g);
      const auto power = static_cast<double>(n);
      hand.step(g, 0.01, 0.7, correct ? 1 - std::pow(0.9, power) : 1,
                correct ? 1 - std::pow(0.99, power) : 1);
      for (size_t i = 0; i < run.x.size(); ++i) {
        ASSERT_NEAR(run.x[i], hand.x[i], 2e-6) << "update " << n;
        ASSERT_NEAR(run.states[2][i], hand.e[i], 5e-6);
      }
      for (size_t i = 0; i < hand.u.size(); ++i) {
        ASSERT_NEAR(run.states[0][i], hand.u[i], 1e-6);
        ASSERT_NEAR(run.states[1][i], hand.v[i], 1e-6);
      }
    }
    // Behind the low-rank values nothing is written.
    for (size_t i = hand.u.size(); i < run.x.size(); ++i) ASSERT_EQ(run.states[0][i], 0);
  }
}

TEST(Lordo, StaysInItsFirstSpanWithAllWeightOnTheMomentum) {
  for (const double omega : {1.0, 0.9}) {
    const auto optimizer = lordo("omega = " + std::to_string(omega));
    TestTensor run(*optimizer, kRows, kColumns);
    const Floats start = run.x;
    for (int64_t n = 0; n < 20; ++n)
      run.step(*optimizer, {.count = n, .rate = 0.01}, normals(kCount, static_cast<uint32_t>(n)));
    const auto values = singular_values(difference(run.x, start), kRows, kColumns);
    EXPECT_GT(values[kRank - 1], 0.05);
    if (omega == 1)
      EXPECT_LT(values[kRank], 1e-5);
    else
      EXPECT_GT(values[kRank], 1e-3);
  }
}

TEST(Lordo, ClampsTheRankToTheMatrix) {
  const auto optimizer = make_optimizer("lordo", "rank = 64\nomega = 1");
  TestTensor run(*optimizer, 4, 9);
  run.step(*optimizer, {.count = 0, .rate = 0.01}, normals(36, 1));
  // A full basis leaves no error.
  EXPECT_LT(norm(run.states[2]), 1e-5);
}

TEST(Lordo, TakesTheEmbeddingWholeToo) {
  EXPECT_TRUE(lordo("")->takes_whole({"embedding", TensorPlace::Kind::kTable, 8, 4}));
}

// Vectors: in the first update with correction u/c1 = g and w = |g| + eps, so a step is the rate.
TEST(Lordo, DividesVectorsByTheirOwnMoments) {
  const auto optimizer = lordo("omega = 0.4");
  TestTensor run(*optimizer, 1, 5, TensorPlace::Kind::kVector);
  run.states[3].assign(5, 0);
  const Floats before = run.x, g{1, -2, 0.5f, 3, -1};
  optimizer->step({.count = 0, .rate = 0.01}, run.x, g, run.spans());
  for (size_t i = 0; i < 5; ++i)
    EXPECT_NEAR(run.x[i], before[i] - 0.01 * (g[i] > 0 ? 1 : -1), 1e-6);
}

// With the basis of a change that lies in the old span, momentum Q u is what it was.
TEST(Lordo, RefreshesToTheSpanOfTheChange) {
  const auto optimizer = lordo("omega = 1");
  LordoOptions options;
  options.rank = kRank;
  TestTensor run(*optimizer, kRows, kColumns);
  const Floats start = run.x;
  for (int64_t n = 0; n < 5; ++n)
    run.step(*optimizer, {.count = n, .rate = 0.01}, normals(kCount, static_cast<uint32_t>(n)));
  const auto momentum = [&] {
    Floats out(kCount);
    multiply({run.states[3], kRows, kRank}, {run.states[0], kRank, kColumns}, out);
    return out;
  };
  const Floats before = momentum(), old_basis = run.states[3];
  const auto spans = run.spans();
  lordo_refresh(options, 5, kRows, kColumns, difference(run.x, start), spans[3], spans[0],
                spans[1]);
  EXPECT_GT(norm(difference(run.states[3], old_basis)), 0.1);
  EXPECT_LT(norm(difference(momentum(), before)), 1e-5 * norm(before));
  for (const float value : run.states[1]) EXPECT_GE(value, 0);
}

}  // namespace
}  // namespace causeway
