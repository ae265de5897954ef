// SPDX-License-Identifier: Apache-2.0
#include "core/squared_norm.h"

#include <array>
#include <cstddef>

namespace causeway {
namespace {

double square(float value) { return static_cast<double>(value) * static_cast<double>(value); }

}  // namespace

double squared_norm(std::span<const float> values) {
  constexpr size_t kLanes = 8;
  std::array<double, kLanes> lanes{};
  const size_t whole = values.size() - values.size() % kLanes;
  for (size_t i = 0; i < whole; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += square(values[i + lane]);
  for (size_t i = whole; i < values.size(); ++i) lanes[i - whole] += square(values[i]);
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

}  // namespace causeway
