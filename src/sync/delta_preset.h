// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sync/outer.h"
#include "sync/preset.h"

namespace causeway {

/// FedOpt's family: every `period` steps anchor - x is averaged and an outer optimizer moves the
/// anchor. Its members differ in their defaults alone: `Defaults::kPeriod` and `Defaults::outer()`.
/// 1P every H steps.
template <class Defaults>
class DeltaPreset final : public Preset {
 public:
  struct Options {
    int64_t period = Defaults::kPeriod;
    Plugin outer = Defaults::outer();

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, Range<int64_t>{1, 1'000'000'000}, "steps",
            "Local steps between rounds (H).");
      visit("outer", outer, Required{}, "", "Outer optimizer: moves the anchor by the mean delta.");
    }
    void check(const Location&, Mistakes& mistakes) const {
      make_plugin(outer_optimizers(), "outer optimizer", outer, mistakes);
    }
  };
  explicit DeltaPreset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel x;
    x.name = "x";
    x.port.name = "outer";
    x.port.options.set("optimizer", options_detail::write(options_.outer));
    x.period = options_.period;
    return {x};
  }

 private:
  const Options options_;
};

}  // namespace causeway
