// SPDX-License-Identifier: Apache-2.0
#include "model/rope.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>

#include <cmath>

#include "core/check.h"
#include "model/rows.h"

namespace causeway {
namespace {

/// One head at one position. Both halves are read before they are written, so in place is right.
template <class T>
void turn_head(const T* source, T* target, const T* cos, const T* sin, T sign, int64_t half) {
  for (int64_t i = 0; i < half; ++i) {
    const T first = source[i], second = source[half + i], turned = sign * sin[i];
    target[i] = first * cos[i] - second * turned;
    target[half + i] = second * cos[i] + first * turned;
  }
}

}  // namespace

Rope::Rope(int64_t context, int64_t head_width, double theta) {
  CW_CHECK(head_width % 2 == 0, "head width {} is odd", head_width);
  const int64_t half = head_width / 2;
  cos_ = at::empty({context, half}, at::kDouble);
  sin_ = at::empty({context, half}, at::kDouble);
  auto* cos = cos_.data_ptr<double>();
  auto* sin = sin_.data_ptr<double>();
  for (int64_t t = 0; t < context; ++t)
    for (int64_t i = 0; i < half; ++i) {
      const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(head_width);
      const double angle = static_cast<double>(t) * std::pow(theta, -exponent);
      cos[t * half + i] = std::cos(angle);
      sin[t * half + i] = std::sin(angle);
    }
  cos_float_ = cos_.to(at::kFloat);
  sin_float_ = sin_.to(at::kFloat);
}

void Rope::turn(const at::Tensor& source, at::Tensor& target, int64_t start) const {
  apply(source, target, start, 1);
}

void Rope::turn_back(const at::Tensor& source, at::Tensor& target) const {
  apply(source, target, 0, -1);
}

void Rope::apply(const at::Tensor& source, at::Tensor& target, int64_t start, double sign) const {
  const int64_t batch = source.size(0), time = source.size(1), heads = source.size(2);
  const int64_t half = source.size(3) / 2;
  CW_CHECK(source.sizes() == target.sizes() && half == cos_.size(1));
  CW_CHECK(source.stride(3) == 1 && target.stride(3) == 1, "channels are not adjacent");
  CW_CHECK(start >= 0 && start + time <= cos_.size(0), "position {} of {}", start + time,
           cos_.size(0));
  AT_DISPATCH_FLOATING_TYPES(source.scalar_type(), "rope", [&] {
    constexpr bool kIsDouble = std::is_same_v<scalar_t, double>;
    const scalar_t* cos = (kIsDouble ? cos_ : cos_float_).template const_data_ptr<scalar_t>();
    const scalar_t* sin = (kIsDouble ? sin_ : sin_float_).template const_data_ptr<scalar_t>();
    const scalar_t* from = source.const_data_ptr<scalar_t>();
    scalar_t* to = target.data_ptr<scalar_t>();
    const auto s = source.strides(), t = target.strides();
    each_row(batch * time, heads * half * 2, [=](int64_t row) {
      const int64_t b = row / time, at = row % time, table = (start + at) * half;
      for (int64_t head = 0; head < heads; ++head)
        turn_head(from + b * s[0] + at * s[1] + head * s[2],
                  to + b * t[0] + at * t[1] + head * t[2], cos + table, sin + table,
                  static_cast<scalar_t>(sign), half);
    });
  });
}

}  // namespace causeway
