// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace causeway {

/// The one small sweep for every method: a first rate, twice and half of it; then, while the best
/// is the last of a side, one more there.
class RateSweep {
 public:
  RateSweep(double first, int64_t tries_max);

  /// The rate to try next; none if the sweep is at its end. The same until it is told.
  std::optional<double> next() const;
  /// What the last `next` gave: a loss, which may be infinite.
  void tell(double loss);
  /// The rate of the least loss so far; if none is finite, the least rate.
  double best() const;

 private:
  const double first_;
  const int64_t tries_max_;
  std::vector<std::pair<double, double>> told_;  ///< rate, loss
};

}  // namespace causeway
