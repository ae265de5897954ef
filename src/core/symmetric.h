// SPDX-License-Identifier: Apache-2.0
//
// Eigenvectors of a symmetric matrix, with + - * / and square roots in a fixed order: the same bits
// on every machine, which LAPACK does not promise.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace causeway {

/// Some eigenvectors, by falling eigenvalue.
struct Eigen {
  std::vector<double> values;   ///< count
  std::vector<double> vectors;  ///< [count, size]: one in each row, orthonormal
};

/// The `count` <= size largest eigenvalues of a symmetric matrix [size, size] and their vectors, to
/// about 2^-50 of the largest. Nothing if a value is not finite. About 7 size^3 operations and two
/// copies of the matrix; one thread.
std::optional<Eigen> largest_eigenvectors(std::span<const double> matrix, int64_t size,
                                          int64_t count);

}  // namespace causeway
