// SPDX-License-Identifier: Apache-2.0
#include "lab/statistics.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "core/check.h"

namespace causeway {
namespace {

/// The 0.975 quantile of Student's distribution, by degrees of freedom from 1.
constexpr std::array<double, 30> kStudent{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                          2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                          2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                          2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
constexpr double kNormal = 1.960;

double student(size_t freedom) {
  return freedom <= kStudent.size() ? kStudent[freedom - 1] : kNormal;
}

}  // namespace

Interval interval_of(std::span<const double> values) {
  Interval out;
  out.count = std::ssize(values);
  if (values.empty()) return out;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) out.mean += value / n;
  if (values.size() == 1) {
    out.half = std::numeric_limits<double>::infinity();
    return out;
  }
  double squares = 0;
  for (const double value : values) squares += (value - out.mean) * (value - out.mean);
  out.half = student(values.size() - 1) * std::sqrt(squares / (n - 1) / n);
  return out;
}

Interval paired_difference(std::span<const double> a, std::span<const double> b) {
  CW_CHECK(a.size() == b.size(), "{} values beside {}", a.size(), b.size());
  std::vector<double> differences(a.size());
  for (size_t i = 0; i < a.size(); ++i) differences[i] = a[i] - b[i];
  return interval_of(differences);
}

std::string interval_text(const Interval& interval, int digits) {
  if (!std::isfinite(interval.mean)) return "diverged";
  if (!std::isfinite(interval.half)) return fmt::format("{:.{}f}", interval.mean, digits);
  return fmt::format("{:.{}f} ± {:.{}f}", interval.mean, digits, interval.half, digits);
}

}  // namespace causeway
