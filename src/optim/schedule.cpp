// SPDX-License-Identifier: Apache-2.0
//
// Learning-rate schedules. Cosine: Loshchilov and Hutter, arXiv:1608.03983, equation 5 without
// restarts. WSD (warm-up, stable, decay) with 1 - sqrt: Hägele et al., arXiv:2405.18392.
#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/check.h"

namespace causeway {
namespace {

/// Length of WSD's decay in steps: at least 1.
double decay_steps(const Schedule& schedule) {
  const double steps =
      schedule.decay < 1 ? schedule.decay * static_cast<double>(schedule.steps) : schedule.decay;
  return std::max(1.0, std::round(steps));
}

/// What is left of the rate after the warm-up, without the floor: 1 to 0.
double shape(const Schedule& schedule, int64_t step) {
  const double total = static_cast<double>(schedule.steps);
  switch (schedule.name) {
    case Schedule::Kind::kConstant:
      return 1;
    case Schedule::Kind::kCosine: {
      const double past = static_cast<double>(step - schedule.warmup);
      const double progress = past / (total - static_cast<double>(schedule.warmup));
      return 0.5 * (1 + std::cos(std::numbers::pi * progress));
    }
    case Schedule::Kind::kWsd: {
      const double length = decay_steps(schedule);
      const double progress = (static_cast<double>(step) - (total - length)) / length;
      return 1 - std::sqrt(std::max(0.0, progress));
    }
  }
  CW_CHECK(false, "kind is {}", static_cast<int>(schedule.name));
  return 0;
}

}  // namespace

double Schedule::factor(int64_t step) const {
  CW_CHECK(steps > 0 && step >= 0, "step {} of {}", step, steps);
  step = std::min(step, steps - 1);
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  return min + (1 - min) * shape(*this, step);
}

}  // namespace causeway
