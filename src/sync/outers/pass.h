// SPDX-License-Identifier: Apache-2.0
//
// What the outer optimizers have in common. Scalars are computed in double once per call, with
// + - x / and sqrt only, and rounded to float32 before the loop.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "core/elementwise.h"
#include "core/options.h"
#include "sync/outer.h"

namespace causeway {

/// Of a decay rate: at least 0, below 1.
inline constexpr Range<double> kOuterDecayRange{0, 1 - 0x1p-53};
inline constexpr Range<double> kOuterRateRange{0, 100};

/// The options of FedAdam and FedYogi.
struct AdaptiveOuterOptions {
  double lr = 0.01;
  std::vector<double> betas{0.9, 0.99};
  double tau = 1e-3;

  template <class Visit>
  void each(Visit&& visit) {
    visit("lr", lr, kOuterRateRange, "", "Outer learning rate.");
    visit("betas", betas, kOuterDecayRange, "", "Decay of the first and of the second moment.");
    visit("tau", tau, Range<double>{1e-30, 1}, "", "Added to the root: the degree of adaptivity.");
  }
  void check(const Location& where, Mistakes& mistakes) {
    if (betas.size() == 2) return;
    mistakes.add(where, fmt::format("`betas` has {} numbers; wanted: 2", betas.size()));
    betas.resize(2);
  }
};

/// Checks that the round and the spans fit together, which is the caller's duty.
inline void check_outer_pass(int64_t round, size_t buffer_count, std::span<const float> delta,
                             std::span<const float> anchor,
                             std::span<const std::span<float>> buffers) {
  CW_CHECK(round >= 1, "round is {}", round);
  CW_CHECK(delta.size() == anchor.size(), "delta of {} for {} values", delta.size(), anchor.size());
  CW_CHECK(buffers.size() == buffer_count, "{} buffers, {} wanted", buffers.size(), buffer_count);
  for (std::span<float> buffer : buffers)
    CW_CHECK(buffer.size() == anchor.size(), "buffer of {} for {} values", buffer.size(),
             anchor.size());
}

}  // namespace causeway
