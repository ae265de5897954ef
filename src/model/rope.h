// SPDX-License-Identifier: Apache-2.0
//
// B batch, T time, H heads, D head width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <mutex>
#include <vector>

#include "shape/rope_scaling.h"

namespace causeway {

/// Angle per position of each pair of channels: theta^(-2i/D), scaled. `head_width` even.
std::vector<double> rope_frequencies(int64_t head_width, double theta, const RopeScaling& scaling);

/// Rotary positions: Su and others, "RoFormer", arXiv:2104.09864, equation 34, with the pairing of
/// Hugging Face's Llama: channel i turns with channel i + D/2. Thread-safe. Tables of sines grow
/// with the positions that are met, so that a long context costs nothing until it is used.
class Rope {
 public:
  /// For positions below `context`.
  Rope(int64_t context, std::vector<double> frequencies);
  Rope(const Rope&) = delete;
  Rope& operator=(const Rope&) = delete;

  /// Turns heads in place by the angles of their positions, which start at `start`: [B, T, H, D]
  /// with adjacent channels and any other strides.
  void turn(const at::Tensor& heads_BTHD, int64_t start) const;
  /// Turns them back: the gradient of `turn` for a start of 0.
  void turn_back(const at::Tensor& heads_BTHD) const;

 private:
  void apply(const at::Tensor& heads_BTHD, int64_t start, double sign) const;
  /// Cosines and sines, [2, at least `positions`, D/2].
  at::Tensor table(at::ScalarType dtype, int64_t positions) const;

  int64_t context_;
  std::vector<double> frequencies_;
  mutable std::mutex mutex_;
  mutable at::Tensor float_table_, double_table_;
};

}  // namespace causeway
