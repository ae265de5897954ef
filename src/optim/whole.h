// SPDX-License-Identifier: Apache-2.0
//
// What the optimizers that take matrices whole have in common.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix.h"
#include "optim/pass.h"

namespace causeway {

/// Options of those that keep Adam's moments at low rank.
struct LowRankOptions : AdaptiveOptions {
  int64_t rank = 128;

  template <class Visit>
  void each(Visit&& visit) {
    AdaptiveOptions::each(visit);
    visit("rank", rank, Range<int64_t>{1, 1'000'000}, "",
          "Directions that are kept of each matrix, at most its shorter side.");
  }
};

/// A matrix seen so that its rows are its shorter side: p <= q.
struct Wide {
  Wide(const TensorPlace& place, int64_t rank)
      : turned(place.rows > place.columns),
        p(std::min(place.rows, place.columns)),
        q(std::max(place.rows, place.columns)),
        r(std::min(rank, p)) {}

  /// Values that are in the tensor's own order, as p x q.
  MatrixView view(std::span<const float> values) const {
    return turned ? MatrixView(values, q, p).transposed() : MatrixView(values, p, q);
  }
  /// out = a b, p x q, in the tensor's own order.
  void product(const MatrixView& a, const MatrixView& b, std::span<float> out,
               Sum sum = Sum::kDouble) const {
    turned ? multiply(b.transposed(), a.transposed(), out, sum) : multiply(a, b, out, sum);
  }

  bool turned;
  int64_t p, q, r;
};

/// to = scale * from.
inline std::vector<float> scaled_copy(float scale, std::span<const float> from) {
  std::vector<float> out(from.size());
  elementwise(
      from.size(), [=](float& to, float value) { to = scale * value; }, out.data(), from.data());
  return out;
}

/// x = keep * x - rate * direction.
inline void move(const Pass& pass, float rate, std::span<const float> direction,
                 std::span<float> x) {
  elementwise(
      x.size(), [=](float& value, float d) { value = value * pass.keep - rate * d; }, x.data(),
      direction.data());
}

/// Adam's moments of `values`, and u / (1 - b1^n) / (sqrt(v) / sqrt(1 - b2^n) + eps) over them. Of
/// u and v the first values.size() are used.
void adam_direction(const AdaptiveOptions& options, int64_t count, std::span<float> values,
                    std::span<float> u, std::span<float> v);

}  // namespace causeway
