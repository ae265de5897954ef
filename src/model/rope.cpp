// SPDX-License-Identifier: Apache-2.0
#include "model/rope.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/check.h"
#include "model/element.h"
#include "model/rows.h"

namespace causeway {
namespace {

constexpr int64_t kPositionsMin = 256;  // of the first table

/// One head at one position, in place.
template <class Element>
void turn_head(Element* __restrict first, Element* __restrict second, const Wide<Element>* cos,
               const Wide<Element>* sin, Wide<Element> sign, int64_t half) {
  using W = Wide<Element>;
  for (int64_t i = 0; i < half; ++i) {
    const W a = static_cast<W>(first[i]), b = static_cast<W>(second[i]), turned = sign * sin[i];
    first[i] = static_cast<Element>(a * cos[i] - b * turned);
    second[i] = static_cast<Element>(b * cos[i] + a * turned);
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

void Rope::turn(const at::Tensor& heads_BTHD, int64_t start) const { apply(heads_BTHD, start, 1); }

void Rope::turn_back(const at::Tensor& heads_BTHD) const { apply(heads_BTHD, 0, -1); }

at::Tensor Rope::table(at::ScalarType dtype, int64_t positions) const {
  const std::lock_guard lock(mutex_);
  at::Tensor& table = dtype == at::kDouble ? double_table_ : float_table_;
  const int64_t known = table.defined() ? table.size(1) : 0;
  if (known < positions)
    table = make_table(dtype, std::min(context_, std::max({positions, 2 * known, kPositionsMin})),
                       frequencies_);
  return table;
}

void Rope::apply(const at::Tensor& heads_BTHD, int64_t start, double sign) const {
  const int64_t batch = heads_BTHD.size(0), time = heads_BTHD.size(1), heads = heads_BTHD.size(2);
  const int64_t half = heads_BTHD.size(3) / 2;
  CW_CHECK(half == static_cast<int64_t>(frequencies_.size()));
  CW_CHECK(start >= 0 && start + time <= context_, "position {} of {}", start + time, context_);
  const at::Tensor angles = table(wide_type(heads_BTHD.scalar_type()), start + time);
  with_element(heads_BTHD.scalar_type(), [&]<class Element>(Element) {
    using W = Wide<Element>;
    const W* cos = values_of<W>(angles);
    const W* sin = cos + angles.size(1) * half;
    Element* values = values_of<Element>(heads_BTHD);
    const auto strides = heads_BTHD.strides();
    each_row(batch * time, heads * half * 2, [=](int64_t row) {
      const int64_t at = row % time, angle = (start + at) * half;
      Element* head = values + row / time * strides[0] + at * strides[1];
      for (int64_t h = 0; h < heads; ++h, head += strides[2])
        turn_head(head, head + half, cos + angle, sin + angle, static_cast<W>(sign), half);
    });
  });
}

}  // namespace causeway
