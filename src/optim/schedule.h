// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/options.h"

namespace causeway {

/// The learning rate's factor as a pure function of the global step, so that resets, rounds and
/// restarts never move it.
struct Schedule {
  enum class Kind : uint8_t { kConstant = 1, kCosine = 2, kWsd = 3 };
  Kind name = Kind::kConstant;
  int64_t steps = 0;
  int64_t warmup = 0;
  double decay = 0.1;
  double min = 0.0;

  template <class Visit>
  void each(Visit&& visit) {
    visit("name", name,
          Choices<Kind>{
              {{"constant", Kind::kConstant}, {"cosine", Kind::kCosine}, {"wsd", Kind::kWsd}}},
          "", "Shape after the warm-up; wsd is warm-up, stable, decay by 1 - sqrt.");
    visit("steps", steps, Range<int64_t>{0, 1'000'000'000'000}, "steps",
          "Length; 0: the run's steps.");
    visit("warmup", warmup, Range<int64_t>{0, 1'000'000'000'000}, "steps",
          "Linear warm-up: step t has (t + 1) / warmup of the rate.");
    visit("decay", decay, Range<double>{0, 1e12}, "steps or part",
          "wsd: length of the decay; below 1 a part of the steps.");
    visit("min", min, Range<double>{0, 1}, "", "Floor, as a part of the base rate.");
  }

  /// Factor of step `step` = 0, 1, ... `steps` must be set. Past the end: the last step's.
  double factor(int64_t step) const;
};

}  // namespace causeway
