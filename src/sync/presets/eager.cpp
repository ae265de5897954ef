// SPDX-License-Identifier: Apache-2.0
// DiLoCo with eager updates: nobody waits for the others' deltas. Kale and others,
// arXiv:2502.12996; the port has the equations. 1P every H steps, a whole period to arrive in.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class EagerPreset final : public Preset {
 public:
  struct Options {
    int64_t period = 64;
    Plugin outer = plugin_with("nesterov", {{"lr", 0.4}, {"momentum", 0.9}});

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps between rounds (H).");
      visit("outer", outer, Required{}, "", "Each worker's outer optimizer.");
    }
    void check(const Location&, Mistakes& mistakes) const {
      make_plugin(outer_optimizers(), "outer optimizer", outer, mistakes);
    }
  };
  explicit EagerPreset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel x = channel_with("x", plugin_with("eager", {{"optimizer", as_value(options_.outer)}}),
                             Hook::kAfterUpdate, options_.period);
    x.delay = options_.period;
    x.weight = Weight::kEqual;  // a worker's own share is 1/M
    return {x};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_eager;
const Entry<Preset> presets_eager =
    entry<Preset, EagerPreset>("eager", "diloco that takes others' deltas one round late");

}  // namespace causeway
