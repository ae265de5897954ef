// SPDX-License-Identifier: Apache-2.0
#include "core/low_rank.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/random.h"
#include "core/symmetric.h"

namespace causeway {
namespace {

using Floats = std::vector<float>;

Floats normals(int64_t count, uint32_t index) {
  const Random random(11, Stream::kWeights, index);
  Floats out;
  for (int64_t i = 0; i < count; ++i)
    out.push_back(static_cast<float>(random.normal(static_cast<uint64_t>(i))));
  return out;
}

/// Orthonormal columns [rows, columns].
Floats orthonormal(int64_t rows, int64_t columns, uint32_t index) {
  Floats out = normals(rows * columns, index);
  for (int pass = 0; pass < 2; ++pass) orthonormalise(out, rows, columns);
  return out;
}

/// The largest difference of a^T b from the unit matrix.
double from_unit(const Floats& a, const Floats& b, int64_t rows, int64_t columns) {
  std::vector<double> product(static_cast<size_t>(columns * columns));
  multiply(MatrixView(a, rows, columns).transposed(), {b, rows, columns}, product);
  double most = 0;
  for (int64_t i = 0; i < columns; ++i)
    for (int64_t j = 0; j < columns; ++j)
      most = std::max(most,
                      std::abs(product[static_cast<size_t>(i * columns + j)] - (i == j ? 1 : 0)));
  return most;
}

/// A matrix of known singular vectors `left` [p, k] and values k, k - 1, ..., 1.
Floats composed(const Floats& left, int64_t p, int64_t q, int64_t k, uint32_t index) {
  Floats scaled = left;
  for (size_t i = 0; i < scaled.size(); ++i)
    scaled[i] *= static_cast<float>(k) - static_cast<float>(i % static_cast<size_t>(k));
  Floats out(static_cast<size_t>(p * q));
  multiply({scaled, p, k}, MatrixView(orthonormal(q, k, index), q, k).transposed(), out);
  return out;
}

TEST(Symmetric, FindsVectorsOfEverySize) {
  for (const int64_t n : {1, 2, 3, 4, 9, 40}) {
    const Floats half = normals(n * n, static_cast<uint32_t>(n));
    std::vector<double> matrix(half.size());
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        matrix[static_cast<size_t>(i * n + j)] = double{half[static_cast<size_t>(i * n + j)]} +
                                                 double{half[static_cast<size_t>(j * n + i)]};
    const auto eigen = largest_eigenvectors(matrix, n, n);
    ASSERT_TRUE(eigen);
    EXPECT_TRUE(std::ranges::is_sorted(eigen->values, std::greater<>{}));
    for (int64_t a = 0; a < n; ++a) {
      const double* const vector = eigen->vectors.data() + a * n;
      for (int64_t i = 0; i < n; ++i) {
        double image = 0;
        for (int64_t j = 0; j < n; ++j) image += matrix[static_cast<size_t>(i * n + j)] * vector[j];
        EXPECT_NEAR(image, eigen->values[static_cast<size_t>(a)] * vector[i], 1e-12) << n;
      }
      for (int64_t b = 0; b < n; ++b) {
        double product = 0;
        for (int64_t i = 0; i < n; ++i)
          product += vector[i] * eigen->vectors[static_cast<size_t>(b * n + i)];
        EXPECT_NEAR(product, a == b ? 1 : 0, 1e-13);
      }
    }
  }
}

TEST(Symmetric, CopesWithManyEqualValuesAndWithNone) {
  std::vector<double> matrix(49);
  EXPECT_EQ(largest_eigenvectors(matrix, 7, 3)->values, (std::vector<double>(3)));
  for (size_t i = 0; i < 7; ++i) matrix[i * 8] = 2;
  EXPECT_EQ(largest_eigenvectors(matrix, 7, 7)->values, (std::vector<double>(7, 2)));
  matrix[5] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(largest_eigenvectors(matrix, 7, 1));
}

TEST(LowRank, OrthonormalisesAsGramSchmidt) {
  Floats matrix{3, 1, 4, 7, 0, 0};  // columns (3, 4, 0), (1, 7, 0)
  orthonormalise(matrix, 3, 2);
  const Floats wanted{0.6f, -0.8f, 0.8f, 0.6f, 0, 0};
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(matrix[i], wanted[i], 1e-7);
  Floats zero(6);
  orthonormalise(zero, 3, 2);
  EXPECT_EQ(zero, Floats(6));
  // Not a unit vector: the divisor has 1e-8 more than the norm.
  Floats small{1e-8f};
  orthonormalise(small, 1, 1);
  EXPECT_NEAR(small[0], 0.5, 1e-6);
  const Floats large = orthonormal(70, 30, 3);
  EXPECT_LT(from_unit(large, large, 70, 30), 1e-6);
}

TEST(LowRank, FindsTheLeftVectorsOfKnownMatrices) {
  for (const auto& [p, q] : {std::pair<int64_t, int64_t>{12, 30}, {30, 12}, {12, 12}, {90, 7}}) {
    SCOPED_TRACE(testing::Message() << p << " x " << q);
    const int64_t k = std::min(p, q), rank = 4;
    const Floats left = orthonormal(p, k, 1), matrix = composed(left, p, q, k, 2);
    Floats basis(static_cast<size_t>(p * rank));
    ASSERT_TRUE(left_basis({matrix, p, q}, rank, basis));
    for (int64_t j = 0; j < rank; ++j) {
      double product = 0, largest = 0;
      for (int64_t i = 0; i < p; ++i) {
        const float value = basis[static_cast<size_t>(i * rank + j)];
        product += double{value} * double{left[static_cast<size_t>(i * k + j)]};
        if (std::abs(value) > std::abs(largest)) largest = value;
      }
      EXPECT_NEAR(std::abs(product), 1, 1e-6) << "column " << j;
      EXPECT_GT(largest, 0);
    }
    EXPECT_LT(from_unit(basis, basis, p, rank), 1e-6);
    // A transposed view is the matrix that it shows.
    Floats turned(matrix.size()), again(basis.size());
    for (int64_t i = 0; i < p; ++i)
      for (int64_t j = 0; j < q; ++j)
        turned[static_cast<size_t>(j * p + i)] = matrix[static_cast<size_t>(i * q + j)];
    ASSERT_TRUE(left_basis(MatrixView(turned, q, p).transposed(), rank, again));
    EXPECT_EQ(again, basis);
  }
}

// Rank 2, asked for 5: two columns are the matrix's, all are orthonormal.
TEST(LowRank, CompletesWhatAMatrixOfLessRankLeavesOpen) {
  for (const auto& [p, q] : {std::pair<int64_t, int64_t>{8, 20}, {20, 8}}) {
    const Floats left = orthonormal(p, 2, 5), matrix = composed(left, p, q, 2, 6);
    Floats basis(static_cast<size_t>(p * 5));
    ASSERT_TRUE(left_basis({matrix, p, q}, 5, basis));
    EXPECT_LT(from_unit(basis, basis, p, 5), 1e-6);
    Floats inside(10), back(left.size());
    multiply(MatrixView(basis, p, 5).transposed(), {left, p, 2}, inside);
    multiply({basis, p, 5}, {inside, 5, 2}, back);
    for (size_t i = 0; i < left.size(); ++i) EXPECT_NEAR(back[i], left[i], 1e-6);
    EXPECT_NEAR(std::abs(inside[0]), 1, 1e-6);
  }
}

TEST(LowRank, RefusesWhatHasNoDirection) {
  Floats zero(12), basis(6, 3);
  EXPECT_FALSE(left_basis({zero, 3, 4}, 2, basis));
  zero[5] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(left_basis({zero, 3, 4}, 2, basis));
  EXPECT_EQ(basis, Floats(6, 3));
}

TEST(LowRank, CountsWhatAMomentLacks) {
  const auto after = MomentCorrection::after(5, 0.9, 0.5);
  EXPECT_NEAR(after.first, 1 - std::pow(0.9, 5), 1e-15);
  EXPECT_EQ(after.second, 1 - 0.03125);
}

// In the same basis nothing changes; in one whose columns are swapped, the rows of u and v swap.
TEST(LowRank, RotatesMomentsWithTheirBasis) {
  const Floats q = orthonormal(9, 3, 8);
  Floats u = normals(3 * 4, 9), v = u;
  for (float& value : v) value = value * value + 0.5f;
  const Floats u0 = u, v0 = v;
  const MomentCorrection correction{0.7, 0.9};
  rotate_moments({q, 9, 3}, {q, 9, 3}, correction, 4, u, v);
  for (size_t i = 0; i < u.size(); ++i) {
    EXPECT_NEAR(u[i], u0[i], 1e-6);
    // Where v is less than its mean's square the reading takes the square.
    const double m = u0[i] / correction.first;
    EXPECT_NEAR(v[i], std::max<double>(v0[i], correction.second * m * m), 2e-6);
  }
  Floats swapped = q;
  for (size_t i = 0; i < 9; ++i) std::swap(swapped[i * 3], swapped[i * 3 + 2]);
  const Floats u1 = u, v1 = v;
  rotate_moments({q, 9, 3}, {swapped, 9, 3}, correction, 4, u, v);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(u[i], u1[8 + i], 1e-6);
    EXPECT_NEAR(v[8 + i], v1[i], 3e-6);
    EXPECT_NEAR(u[4 + i], u1[4 + i], 1e-6);
  }
}

// What the moments stand for, Q u, keeps the part of it that the new basis spans.
TEST(LowRank, RefreshesTheBasisAndKeepsWhatItSpans) {
  const int64_t p = 10, q = 14, rank = 3;
  const Floats delta = normals(p * q, 20), before = orthonormal(p, rank, 21);
  Floats basis = before, u = normals(rank * q, 22), v(u.size(), 1), wanted_basis(basis.size());
  const Floats u0 = u;
  ASSERT_TRUE(refresh_basis({delta, p, q}, rank, {}, basis, u, v));
  ASSERT_TRUE(left_basis({delta, p, q}, rank, wanted_basis));
  EXPECT_EQ(basis, wanted_basis);
  Floats whole(static_cast<size_t>(p * q)), wanted(u.size());
  multiply({before, p, rank}, {u0, rank, q}, whole);
  multiply(MatrixView(basis, p, rank).transposed(), {whole, p, q}, wanted);
  for (size_t i = 0; i < u.size(); ++i) EXPECT_NEAR(u[i], wanted[i], 2e-6);
  const Floats kept = basis, kept_u = u;
  EXPECT_FALSE(refresh_basis({Floats(delta.size()), p, q}, rank, {}, basis, u, v));
  EXPECT_EQ(basis, kept);
  EXPECT_EQ(u, kept_u);
}

}  // namespace
}  // namespace causeway
