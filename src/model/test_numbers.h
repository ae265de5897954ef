// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/linspace.h>

namespace causeway {

/// For tests: sines, which no pattern of the sizes meets, rounded to the type.
inline at::Tensor numbers(at::IntArrayRef sizes, double seed, at::ScalarType type) {
  const int64_t count = c10::multiply_integers(sizes);
  return at::linspace(seed, seed + 0.7 * static_cast<double>(count), count, at::kDouble)
      .sin()
      .view(sizes)
      .to(type);
}

/// The same values in float64, in memory of their own.
inline at::Tensor exact(const at::Tensor& values) { return values.to(at::kDouble).clone(); }

}  // namespace causeway
