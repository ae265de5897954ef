// SPDX-License-Identifier: Apache-2.0
#include "core/dct.h"

#include <cmath>
#include <numbers>

#include "core/check.h"

namespace causeway {
namespace {

/// 1 - x^2/(first (first + 1)) (1 - x^2/((first + 2) (first + 3)) (1 - ...)): the Taylor series of
/// cos x (first 1) and of sin x / x (first 2), exact to the last bit or two for |x| <= pi/4.
double alternating_series(double x, int first) {
  double sum = 1;
  for (int n = first + 20; n >= first; n -= 2) sum = 1 - x * x / (n * (n + 1)) * sum;
  return sum;
}

/// cos(pi m / (2 n)) for 0 <= m <= n.
double quarter_cosine(int64_t m, int64_t n) {
  const auto angle = [n](int64_t part) {
    return std::numbers::pi * static_cast<double>(part) / (2 * static_cast<double>(n));
  };
  if (2 * m <= n) return alternating_series(angle(m), 1);
  return angle(n - m) * alternating_series(angle(n - m), 2);
}

}  // namespace

Dct::Dct(int64_t length) : length_(length) {
  CW_CHECK(length > 0, "length is {}", length);
  scale_first_ = std::sqrt(1 / static_cast<double>(length));
  scale_ = std::sqrt(2 / static_cast<double>(length));
  cosines_.reserve(static_cast<size_t>(length + 1));
  for (int64_t m = 0; m <= length; ++m) cosines_.push_back(quarter_cosine(m, length));
}

/// `angle`: in pi / (2 n), from 0 to below 2 pi.
double Dct::at(int64_t frequency, int64_t angle) const {
  const int64_t half = 2 * length_;
  int64_t m = angle > half ? 2 * half - angle : angle;
  const bool negative = m > length_;
  if (negative) m = half - m;
  const double cosine = cosines_[static_cast<size_t>(m)];
  return (frequency == 0 ? scale_first_ : scale_) * (negative ? -cosine : cosine);
}

double Dct::operator()(int64_t frequency, int64_t sample) const {
  return at(frequency, (2 * sample + 1) * frequency % (4 * length_));
}

void Dct::row(int64_t frequency, std::span<float> out) const {
  CW_CHECK(std::ssize(out) >= length_ && frequency < length_, "frequency {} into {} values",
           frequency, out.size());
  int64_t angle = frequency;
  for (int64_t i = 0; i < length_; ++i) {
    out[static_cast<size_t>(i)] = static_cast<float>(at(frequency, angle));
    angle += 2 * frequency;
    if (angle >= 4 * length_) angle -= 4 * length_;
  }
}

std::vector<float> dct_matrix(int64_t length) {
  const Dct dct(length);
  std::vector<float> out(static_cast<size_t>(length * length));
  for (int64_t k = 0; k < length; ++k)
    dct.row(k, std::span(out).subspan(static_cast<size_t>(k * length)));
  return out;
}

void dct_basis(int64_t length, int64_t rank, std::span<float> basis) {
  CW_CHECK(rank <= length && length * rank <= std::ssize(basis), "{} values for {} x {}",
           basis.size(), length, rank);
  const Dct dct(length);
  for (int64_t i = 0; i < length; ++i)
    for (int64_t j = 0; j < rank; ++j)
      basis[static_cast<size_t>(i * rank + j)] = static_cast<float>(dct(j, i));
}

}  // namespace causeway
