// SPDX-License-Identifier: Apache-2.0
#include "core/low_rank.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/check.h"
#include "core/dense.h"
#include "core/simd.h"
#include "core/symmetric.h"

namespace causeway {
namespace {

using dense::dot;

/// Removes the first `count` rows, which are orthonormal, from row `count`, twice, as once leaves
/// rounding where little is left; returns the norm that is left.
inline double remove_rows(double* rows, int64_t count, int64_t size) {
  double* const row = rows + count * size;
  for (int pass = 0; pass < 2; ++pass)
    for (int64_t j = 0; j < count; ++j)
      dense::add(-dot(rows + j * size, row, size), rows + j * size, row, size);
  return std::sqrt(dot(row, row, size));
}

/// Rows [rank, size] of falling norm to orthonormal ones. What has next to no part of its own is
/// replaced by the first axis that has enough.
inline void complete(double* rows, int64_t rank, int64_t size) {
  const double largest = std::sqrt(dot(rows, rows, size));
  int64_t axis = 0;
  for (int64_t j = 0; j < rank; ++j) {
    double* const row = rows + j * size;
    double norm = remove_rows(rows, j, size);
    double least = 1e-12 * largest;
    while (norm <= least) {
      // The squared parts of all axes outside the j rows sum to size - j >= 1.
      least = std::sqrt(0.5 / static_cast<double>(size));
      std::fill_n(row, size, 0.0);
      row[axis++] = 1;
      norm = remove_rows(rows, j, size);
    }
    for (int64_t i = 0; i < size; ++i) row[i] /= norm;
  }
}

/// The left singular vectors [rank, p] of a matrix with more rows than columns, from the right
/// ones, v [rank, q]: D v, made orthonormal.
inline std::vector<double> from_right(const MatrixView& matrix, const std::vector<double>& right,
                                      int64_t rank) {
  const int64_t p = matrix.rows(), q = matrix.columns();
  std::vector<double> out(static_cast<size_t>(rank * p)), row(static_cast<size_t>(q));
  for (int64_t i = 0; i < p; ++i) {
    for (int64_t k = 0; k < q; ++k) row[static_cast<size_t>(k)] = matrix(i, k);
    for (int64_t j = 0; j < rank; ++j)
      out[static_cast<size_t>(j * p + i)] = dot(row.data(), right.data() + j * q, q);
  }
  complete(out.data(), rank, p);
  return out;
}

/// Rows [rank, size] to columns [size, rank] whose largest values are positive.
inline void write_columns(const std::vector<double>& rows, int64_t rank, int64_t size,
                          std::span<float> basis) {
  for (int64_t j = 0; j < rank; ++j) {
    const double* const row = rows.data() + j * size;
    const double* const largest = std::max_element(
        row, row + size, [](double a, double b) { return std::abs(a) < std::abs(b); });
    const double sign = *largest < 0 ? -1 : 1;
    for (int64_t i = 0; i < size; ++i)
      basis[static_cast<size_t>(i * rank + j)] = static_cast<float>(sign * row[i]);
  }
}

inline double power(double base, int64_t exponent) {
  double out = 1;
  for (; exponent > 0; exponent /= 2, base *= base)
    if (exponent % 2 == 1) out *= base;
  return out;
}

}  // namespace

void orthonormalise(std::span<float> matrix, int64_t rows, int64_t columns) {
  CW_CHECK(rows * columns <= std::ssize(matrix), "{} values for {} x {}", matrix.size(), rows,
           columns);
  std::vector<double> turned(static_cast<size_t>(rows * columns));
  const auto column = [&](int64_t j) { return turned.data() + j * rows; };
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      column(j)[i] = matrix[static_cast<size_t>(i * columns + j)];
  with_simd([&] {
    for (int64_t j = 0; j < columns; ++j) {
      const double norm = std::sqrt(dot(column(j), column(j), rows)) + 1e-8;
      for (int64_t i = 0; i < rows; ++i) column(j)[i] /= norm;
      for (int64_t later = j + 1; later < columns; ++later)
        dense::add(-dot(column(j), column(later), rows), column(j), column(later), rows);
    }
  });
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      matrix[static_cast<size_t>(i * columns + j)] = static_cast<float>(column(j)[i]);
}

bool left_basis(const MatrixView& matrix, int64_t rank, std::span<float> basis) {
  const bool wide = matrix.rows() <= matrix.columns();
  const int64_t least = std::min(matrix.rows(), matrix.columns());
  CW_CHECK(rank > 0 && rank <= least && matrix.rows() * rank <= std::ssize(basis),
           "rank {} of {} x {} into {} values", rank, matrix.rows(), matrix.columns(),
           basis.size());
  std::vector<double> gram(static_cast<size_t>(least * least));
  const MatrixView turned = matrix.transposed();
  wide ? multiply(matrix, turned, gram) : multiply(turned, matrix, gram);
  const auto eigen = largest_eigenvectors(gram, least, rank);
  if (!eigen || eigen->values.front() <= 0) return false;
  with_simd([&] {
    write_columns(wide ? eigen->vectors : from_right(matrix, eigen->vectors, rank), rank,
                  matrix.rows(), basis);
  });
  return true;
}

MomentCorrection MomentCorrection::after(int64_t updates, double beta1, double beta2) {
  CW_CHECK(updates > 0, "{} updates", updates);
  return {1 - power(beta1, updates), 1 - power(beta2, updates)};
}

void rotate_moments(const MatrixView& before, const MatrixView& after,
                    const MomentCorrection& correction, int64_t columns, std::span<float> u,
                    std::span<float> v) {
  const int64_t old_rank = before.columns(), rank = after.columns();
  const auto in = static_cast<size_t>(old_rank * columns),
             out = static_cast<size_t>(rank * columns);
  CW_CHECK(std::min(u.size(), v.size()) >= std::max(in, out), "moments of {} and {} values",
           u.size(), v.size());
  std::vector<float> turn(static_cast<size_t>(rank * old_rank)), mean(in), spread(in);
  multiply(after.transposed(), before, turn);
  for (size_t i = 0; i < in; ++i) {
    const double m = u[i] / correction.first;
    mean[i] = static_cast<float>(m);
    spread[i] = static_cast<float>(std::max(v[i] / correction.second - m * m, 0.0));
  }
  std::vector<double> mean_after(out), spread_after(out);
  multiply({turn, rank, old_rank}, {mean, old_rank, columns}, mean_after);
  for (float& value : turn) value *= value;
  multiply({turn, rank, old_rank}, {spread, old_rank, columns}, spread_after);
  for (size_t i = 0; i < out; ++i) {
    const double m = mean_after[i];
    u[i] = static_cast<float>(correction.first * m);
    v[i] = static_cast<float>(correction.second * (spread_after[i] + m * m));
  }
}

bool refresh_basis(const MatrixView& delta, int64_t rank, const MomentCorrection& correction,
                   std::span<float> basis, std::span<float> u, std::span<float> v) {
  const int64_t p = delta.rows();
  std::vector<float> after(static_cast<size_t>(p * rank));
  if (!left_basis(delta, rank, after)) return false;
  rotate_moments({basis, p, rank}, {after, p, rank}, correction, delta.columns(), u, v);
  std::ranges::copy(after, basis.begin());
  return true;
}

}  // namespace causeway
