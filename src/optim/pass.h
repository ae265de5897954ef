// SPDX-License-Identifier: Apache-2.0
//
// What the inner optimizers' passes have in common. Scalars are computed in double once per call
// and rounded to float32 before the loop, as PyTorch does with a Python scalar beside a float32
// tensor.
#pragma once

#include <fmt/format.h>

#include <span>
#include <vector>

#include "core/check.h"
#include "core/elementwise.h"
#include "core/options.h"
#include "optim/inner.h"

namespace causeway {

/// Of a decay rate: at least 0, below 1.
inline constexpr Range<double> kDecayRange{0, 1 - 0x1p-53};
/// Of an eps: above 0 also in float32, so that a value that has only zero gradients stays as it is.
inline constexpr Range<double> kEpsRange{1e-30, 1};

/// The options of every inner optimizer.
struct BaseOptions {
  double lr = 1e-3;
  double weight_decay = 0;
  bool decay_all = false;

  template <class Visit>
  void each(Visit&& visit) {
    visit("lr", lr, Range<double>{0, 100}, "", "Base learning rate; the schedule multiplies it.");
    visit("weight_decay", weight_decay, Range<double>{0, 100}, "",
          "Decoupled weight decay: first x is multiplied by 1 - rate * weight_decay.");
    visit("decay_all", decay_all, Any{}, "",
          "Weight decay acts on norms and embeddings too, not only on matrices.");
  }
};

/// The options of Adam's family.
struct AdaptiveOptions : BaseOptions {
  std::vector<double> betas{0.9, 0.95};
  double eps = 1e-8;

  template <class Visit>
  void each(Visit&& visit) {
    BaseOptions::each(visit);
    visit("betas", betas, kDecayRange, "", "Decay of the first and of the second moment.");
    visit("eps", eps, kEpsRange, "", "Least divisor.");
  }
  void check(const Location& where, Mistakes& mistakes) {
    if (betas.size() == 2) return;
    mistakes.add(where, fmt::format("`betas` has {} numbers; wanted: 2", betas.size()));
    betas.resize(2);
  }
};

/// The scalars of one pass.
struct Pass {
  float scale;  ///< of the gradient
  float rate;   ///< scheduled learning rate
  float keep;   ///< of x: 1 - rate * weight decay
};

/// A moving average's step: moment = keep * moment + add * value.
struct Average {
  explicit Average(double beta)
      : keep(static_cast<float>(beta)), add(static_cast<float>(1 - beta)) {}
  float keep;
  float add;
};

/// Checks that the spans fit together, which is the caller's duty, and computes the scalars.
inline Pass begin_pass(const Update& update, double weight_decay, size_t state_count,
                       std::span<const float> values, std::span<const float> gradients,
                       std::span<const std::span<float>> states) {
  CW_CHECK(update.count >= 0, "count is {}", update.count);
  CW_CHECK(gradients.size() == values.size(), "{} gradients of {} values", gradients.size(),
           values.size());
  CW_CHECK(states.size() == state_count, "{} states, {} wanted", states.size(), state_count);
  for (std::span<float> state : states)
    CW_CHECK(state.size() == values.size(), "state of {} for {} values", state.size(),
             values.size());
  const double decay = update.decays ? weight_decay : 0;
  return {static_cast<float>(update.scale), static_cast<float>(update.rate),
          static_cast<float>(1 - update.rate * decay)};
}

}  // namespace causeway
