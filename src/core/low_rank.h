// SPDX-License-Identifier: Apache-2.0
//
// Orthonormal bases for methods that send or keep matrices at low rank: PowerSGD, LoRDO, GaLore.
// Only + - * / and square roots in a fixed order, in double, rounded to float once: the same bits
// on every machine, so that replicas may compute them instead of sending them.
//
// Matrices are row-major. Spans may be longer than their matrices and are used from the start.
#pragma once

#include <cstdint>
#include <span>

#include "core/matrix.h"

namespace causeway {

/// Gram-Schmidt as PowerSGD's (Vogels et al., arXiv:1905.13727): column by column, each is divided
/// by (its norm + 1e-8), then removed from the later ones. A zero column stays zero.
void orthonormalise(std::span<float> matrix, int64_t rows, int64_t columns);

/// The `rank` left singular vectors of `matrix` [p, q] that have the largest singular values, as
/// columns of basis [p, rank], by falling value; rank <= min(p, q). In each column the value of
/// largest magnitude (the first such) is positive. Where the matrix has less rank, the columns that
/// it leaves open continue the basis. False, and basis as it was, if the matrix is zero or has a
/// value that is not finite. Costs about 7 min(p, q)^3 + 2 p q min(p, q) operations.
bool left_basis(const MatrixView& matrix, int64_t rank, std::span<float> basis);

/// What Adam's moments are divided by because they started at zero; 1: nothing.
struct MomentCorrection {
  double first = 1, second = 1;

  /// 1 - beta^n of both after n > 0 updates.
  static MomentCorrection after(int64_t updates, double beta1, double beta2);
};

/// Turns moments u, v [r, q], kept in the basis `before` [p, r], into those of the basis `after`,
/// both orthonormal: with R = after^T before, m = u / c1 and squares by element (LoRDO),
///
///   v <- c2 ((R R) max(v / c2 - m m, 0) + (R m)^2);  u <- R u
void rotate_moments(const MatrixView& before, const MatrixView& after,
                    const MomentCorrection& correction, int64_t columns, std::span<float> u,
                    std::span<float> v);

/// LoRDO's refresh from the change `delta` [p, q] of a matrix over a round: basis [p, rank] becomes
/// left_basis(delta), and the moments follow. Nothing changes where left_basis is false.
bool refresh_basis(const MatrixView& delta, int64_t rank, const MomentCorrection& correction,
                   std::span<float> basis, std::span<float> u, std::span<float> v);

}  // namespace causeway
