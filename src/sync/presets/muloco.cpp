// SPDX-License-Identifier: Apache-2.0
// MuLoCo: DiLoCo with Muon as the inner optimizer. Therien and others, "MuLoCo: Muon is a Practical
// Inner Optimizer for DiLoCo", arXiv:2505.23725. Outer Nesterov (0.9, 0.8). `up` with feedback `ef`
// of decay 0.9 has the paper's compressed form. 1P every H steps.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class MuLoCo final : public Preset {
 public:
  struct Options {
    int64_t period = 30;
    Plugin outer = plugin_with("nesterov", {{"lr", 0.9}, {"momentum", 0.8}});

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps between rounds (H).");
      visit("outer", outer, Required{}, "", "Outer optimizer: moves the anchor by the mean delta.");
    }
    void check(const Location&, Mistakes& mistakes) const {
      make_plugin(outer_optimizers(), "outer optimizer", outer, mistakes);
    }
  };
  explicit MuLoCo(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    return {delta_channel(options_.outer, options_.period)};
  }
  Training training() const override { return {{plugin_with("muon")}}; }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_muloco;
const Entry<Preset> presets_muloco = entry<Preset, MuLoCo>("muloco", "diloco around Muon");

}  // namespace causeway
