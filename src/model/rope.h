// SPDX-License-Identifier: Apache-2.0
//
// B batch, T time, H heads, D head width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace causeway {

/// Rotary positions: Su and others, "RoFormer", arXiv:2104.09864, equation 34, with the pairing of
/// Hugging Face's Llama: channel i turns with channel i + D/2. Immutable and thread-safe.
class Rope {
 public:
  /// Tables for positions below `context`; `head_width` even.
  Rope(int64_t context, int64_t head_width, double theta);

  /// Turns heads by the angles of their positions, which start at `start`. Both tensors are
  /// [B, T, H, D] with adjacent channels and any other strides; they may be the same one.
  void turn(const at::Tensor& source, at::Tensor& target, int64_t start) const;
  /// Turns them back: the gradient of `turn`.
  void turn_back(const at::Tensor& source, at::Tensor& target) const;

 private:
  void apply(const at::Tensor& source, at::Tensor& target, int64_t start, double sign) const;

  at::Tensor cos_, sin_;              // [context, D/2], double
  at::Tensor cos_float_, sin_float_;  // the same, rounded
};

}  // namespace causeway
