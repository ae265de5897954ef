// SPDX-License-Identifier: Apache-2.0
#include "model/rope.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/check.h"
#include "model/rows.h"

namespace causeway {
namespace {

constexpr int64_t kPositionsMin = 256;  // of the first table

/// One head at one position. Both halves are read before they are written, so in place is right.
template <class T>
void turn_head(const T* source, T* target, const T* cos, const T* sin, T sign, int64_t half) {
  for (int64_t i = 0; i < half; ++i) {
    const T first = source[i], second = source[half + i], turned = sign * sin[i];
    target[i] = first * cos[i] - second * turned;
    target[half + i] = second * cos[i] + first * turned;
  }
}

/// Angles are computed in double whatever the table's type: float32 has few digits left at
/// position 100,000.
at::Tensor make_table(at::ScalarType dtype, int64_t positions,
                      const std::vector<double>& frequencies) {
  const auto half = static_cast<int64_t>(frequencies.size());
  at::Tensor table = at::empty({2, positions, half}, dtype);
  AT_DISPATCH_FLOATING_TYPES(dtype, "rope_table", [&] {
    scalar_t* cos = table.data_ptr<scalar_t>();
    scalar_t* sin = cos + positions * half;
    each_row(positions, half * 16, [=, &frequencies](int64_t position) {
      for (int64_t i = 0; i < half; ++i) {
        const double angle = static_cast<double>(position) * frequencies[static_cast<size_t>(i)];
        cos[position * half + i] = static_cast<scalar_t>(std::cos(angle));
        sin[position * half + i] = static_cast<scalar_t>(std::sin(angle));
      }
    });
  });
  return table;
}

double scaled(double frequency, const RopeScaling& scaling) {
  const double length = 2 * std::numbers::pi / frequency;
  if (length > scaling.original_context / scaling.low_factor) return frequency / scaling.factor;
  if (length < scaling.original_context / scaling.high_factor) return frequency;
  const double share = (scaling.original_context / length - scaling.low_factor) /
                       (scaling.high_factor - scaling.low_factor);
  return (1 - share) * frequency / scaling.factor + share * frequency;
}

}  // namespace

std::vector<double> rope_frequencies(int64_t head_width, double theta, const RopeScaling& scaling) {
  CW_CHECK(head_width % 2 == 0, "head width {} is odd", head_width);
  std::vector<double> out(static_cast<size_t>(head_width / 2));
  for (size_t i = 0; i < out.size(); ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(head_width);
    out[i] = std::pow(theta, -exponent);
    if (scaling.factor != 0) out[i] = scaled(out[i], scaling);
  }
  return out;
}

Rope::Rope(int64_t context, std::vector<double> frequencies)
    : context_(context), frequencies_(std::move(frequencies)) {}

void Rope::turn(const at::Tensor& source, at::Tensor& target, int64_t start) const {
  apply(source, target, start, 1);
}

void Rope::turn_back(const at::Tensor& source, at::Tensor& target) const {
  apply(source, target, 0, -1);
}

at::Tensor Rope::table(at::ScalarType dtype, int64_t positions) const {
  const std::lock_guard lock(mutex_);
  at::Tensor& table = dtype == at::kDouble ? double_table_ : float_table_;
  const int64_t known = table.defined() ? table.size(1) : 0;
  if (known < positions)
    table = make_table(dtype, std::min(context_, std::max({positions, 2 * known, kPositionsMin})),
                       frequencies_);
  return table;
}

void Rope::apply(const at::Tensor& source, at::Tensor& target, int64_t start, double sign) const {
  const int64_t batch = source.size(0), time = source.size(1), heads = source.size(2);
  const int64_t half = source.size(3) / 2;
  CW_CHECK(source.sizes() == target.sizes() && half == static_cast<int64_t>(frequencies_.size()));
  CW_CHECK(source.stride(3) == 1 && target.stride(3) == 1, "channels are not adjacent");
  CW_CHECK(start >= 0 && start + time <= context_, "position {} of {}", start + time, context_);
  const at::Tensor angles = table(source.scalar_type(), start + time);
  AT_DISPATCH_FLOATING_TYPES(source.scalar_type(), "rope", [&] {
    const scalar_t* cos = angles.const_data_ptr<scalar_t>();
    const scalar_t* sin = cos + angles.size(1) * half;
    const scalar_t* from = source.const_data_ptr<scalar_t>();
    scalar_t* to = target.data_ptr<scalar_t>();
    const auto s = source.strides(), t = target.strides();
    each_row(batch * time, heads * half * 2, [=](int64_t row) {
      const int64_t b = row / time, at = row % time, angle = (start + at) * half;
      for (int64_t head = 0; head < heads; ++head)
        turn_head(from + b * s[0] + at * s[1] + head * s[2],
                  to + b * t[0] + at * t[1] + head * t[2], cos + angle, sin + angle,
                  static_cast<scalar_t>(sign), half);
    });
  });
}

}  // namespace causeway
