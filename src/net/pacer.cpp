// SPDX-License-Identifier: Apache-2.0
#include "net/pacer.h"

#include <algorithm>

namespace causeway {

size_t Pacer::piece_bytes_max() const {
  constexpr double kLeast = 1024, kMost = 1 << 30;
  return limits() ? static_cast<size_t>(std::clamp(bytes_per_s_ / 50, kLeast, kMost)) : SIZE_MAX;
}

void Pacer::spent(int64_t now_ns, int64_t bytes) {
  if (!limits()) return;
  constexpr double kMostNs = 3.6e12;  // an hour: a rate next to nothing is no reason to overflow
  const double cost_ns = std::min(static_cast<double>(bytes) * 1e9 / bytes_per_s_, kMostNs);
  free_ns_ = std::max(free_ns_, now_ns - kBurstNs) + static_cast<int64_t>(cost_ns);
}

int64_t Pacer::wait_ns(int64_t now_ns) const {
  return limits() && free_ns_ > now_ns ? free_ns_ - now_ns : 0;
}

}  // namespace causeway
