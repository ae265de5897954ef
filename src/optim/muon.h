// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace causeway {

/// Divides `matrix` [rows, columns] by its norm and takes `iterations` Newton-Schulz steps
/// (plugins/muon.cpp has them): singular values that were not tiny beside the largest come to
/// between 0.7 and 1.2, and the singular vectors stay. float32.
void orthogonalise(int64_t rows, int64_t columns, int64_t iterations, std::span<float> matrix);

}  // namespace causeway
