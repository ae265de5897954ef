// SPDX-License-Identifier: Apache-2.0
//
// Method: Householder reflections make the matrix tridiagonal; rotations of the shifted QR method
// make that diagonal (Golub and Van Loan, Matrix Computations, 4th edition, algorithms 8.3.1 and
// 8.3.2, with Wilkinson's shift); the wanted vectors then go back through the reflections.
//
//   A = H_0 ... H_(n-3) T H_(n-3) ... H_0,  H_k = 1 - b_k v_k v_k^T;  T = Z D Z^T
#include "core/symmetric.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "core/check.h"
#include "core/dense.h"
#include "core/simd.h"

namespace causeway {
namespace {

using dense::add;
using dense::dot;

/// T, and what turned A into it.
struct Tridiagonal {
  int64_t size = 0;
  std::vector<double> diagonal, beside;  ///< `beside` has the values (k, k + 1)
  std::vector<double> reflectors;        ///< [size, size]; row k holds v_k from column k + 1 on
  std::vector<double> factors;           ///< b_k
};

/// Reflects what is left of `t.reflectors` from row k + 1 on; row k becomes v_k.
inline void reflect(Tridiagonal& t, int64_t k, std::vector<double>& scratch) {
  const int64_t n = t.size, rest = n - k - 1;
  double* const v = t.reflectors.data() + k * n + k + 1;
  double* const inner = t.reflectors.data() + (k + 1) * n + k + 1;  // rows n apart
  double* const w = scratch.data();
  const double norm = std::sqrt(dot(v, v, rest));
  double& beside = t.beside[static_cast<size_t>(k)];
  double& factor = t.factors[static_cast<size_t>(k)];
  beside = v[0] > 0 ? -norm : norm;
  factor = 0;
  if (norm == 0) return;
  v[0] -= beside;
  factor = 2 / dot(v, v, rest);
  for (int64_t i = 0; i < rest; ++i) w[i] = factor * dot(inner + i * n, v, rest);
  add(-factor / 2 * dot(v, w, rest), v, w, rest);
  for (int64_t i = 0; i < rest; ++i) {
    double* const row = inner + i * n;
    const double vi = v[i], wi = w[i];
    for (int64_t j = 0; j < rest; ++j) row[j] -= vi * w[j] + wi * v[j];
  }
}

inline Tridiagonal tridiagonal(std::span<const double> matrix, int64_t size) {
  const auto n = static_cast<size_t>(size);
  Tridiagonal t{size,
                std::vector<double>(n),
                std::vector<double>(n),
                {matrix.begin(), matrix.end()},
                std::vector<double>(n)};
  std::vector<double> scratch(n);
  for (int64_t k = 0; k < size; ++k) {
    t.diagonal[static_cast<size_t>(k)] = t.reflectors[static_cast<size_t>(k * size + k)];
    if (k + 2 < size) reflect(t, k, scratch);
  }
  if (size > 1) t.beside[n - 2] = t.reflectors[(n - 2) * n + n - 1];
  return t;
}

/// One sweep of the QR method over the rows low ... high; `z` holds Z transposed.
inline void sweep(Tridiagonal& t, int64_t low, int64_t high, std::vector<double>& z) {
  double *const d = t.diagonal.data(), *const e = t.beside.data();
  const double half = (d[high - 1] - d[high]) / 2, last = e[high - 1];
  const double root = std::sqrt(half * half + last * last);
  const double shift = d[high] - last * last / (half + (half < 0 ? -root : root));
  double x = d[low] - shift, bulge = e[low];
  for (int64_t k = low; k < high; ++k) {
    const double r = std::sqrt(x * x + bulge * bulge);
    if (r == 0) break;
    const double c = x / r, s = bulge / r;
    if (k > low) e[k - 1] = r;
    const double a = d[k], b = e[k], f = d[k + 1];
    d[k] = c * c * a + 2 * c * s * b + s * s * f;
    d[k + 1] = s * s * a - 2 * c * s * b + c * c * f;
    e[k] = c * s * (f - a) + (c * c - s * s) * b;
    if (k + 1 < high) {
      x = e[k];
      bulge = s * e[k + 1];
      e[k + 1] *= c;
    }
    double* __restrict const upper = z.data() + k * t.size;
    double* __restrict const lower = upper + t.size;
    for (int64_t i = 0; i < t.size; ++i) {
      const double first = upper[i], second = lower[i];
      upper[i] = c * first + s * second;
      lower[i] = c * second - s * first;
    }
  }
}

/// Makes T diagonal; false if it does not come to an end, as with NaN.
inline bool diagonalise(Tridiagonal& t, std::vector<double>& z) {
  double largest = 0;
  for (int64_t k = 0; k < t.size; ++k) {
    const auto at = static_cast<size_t>(k);
    largest = std::max(largest, std::abs(t.diagonal[at]) + std::abs(t.beside[at]));
  }
  const auto split = [&](int64_t k) {
    return std::abs(t.beside[static_cast<size_t>(k)]) <= 0x1p-53 * largest;
  };
  int64_t sweeps_left = 60 * t.size;
  for (int64_t high = t.size - 1; high > 0;) {
    if (split(high - 1)) {
      --high;
      continue;
    }
    if (sweeps_left-- == 0) return false;
    int64_t low = high - 1;
    while (low > 0 && !split(low - 1)) --low;
    sweep(t, low, high, z);
  }
  return true;
}

}  // namespace

std::optional<Eigen> largest_eigenvectors(std::span<const double> matrix, int64_t size,
                                          int64_t count) {
  CW_CHECK(std::ssize(matrix) == size * size && count >= 0 && count <= size,
           "{} values, size {}, count {}", matrix.size(), size, count);
  if (!std::ranges::all_of(matrix, [](double value) { return std::isfinite(value); })) return {};
  Tridiagonal t;
  std::vector<double> z(matrix.size());
  for (int64_t i = 0; i < size; ++i) z[static_cast<size_t>(i * size + i)] = 1;
  bool done = false;
  with_simd([&] {
    t = tridiagonal(matrix, size);
    done = diagonalise(t, z);
  });
  if (!done) return {};

  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](int64_t a, int64_t b) {
    const double first = t.diagonal[static_cast<size_t>(a)];
    const double second = t.diagonal[static_cast<size_t>(b)];
    return first != second ? first > second : a < b;
  });
  Eigen out;
  for (int64_t j = 0; j < count; ++j) {
    const int64_t row = order[static_cast<size_t>(j)];
    out.values.push_back(t.diagonal[static_cast<size_t>(row)]);
    out.vectors.insert(out.vectors.end(), z.begin() + row * size, z.begin() + (row + 1) * size);
  }
  with_simd([&] {
    for (int64_t k = size - 3; k >= 0; --k) {
      const double* const v = t.reflectors.data() + k * size + k + 1;
      const int64_t rest = size - k - 1;
      for (int64_t j = 0; j < count; ++j) {
        double* const vector = out.vectors.data() + j * size + k + 1;
        add(-t.factors[static_cast<size_t>(k)] * dot(v, vector, rest), v, vector, rest);
      }
    }
  });
  return out;
}

}  // namespace causeway
