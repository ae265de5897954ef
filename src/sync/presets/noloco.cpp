// SPDX-License-Identifier: Apache-2.0
// NoLoCo: random pairs mix their anchors and deltas; there is no mean of all. Kolehmainen and
// others 2025; the port has the equations. 2P every H steps, to one other worker.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class NoLoCoPreset final : public Preset {
 public:
  struct Options {
    int64_t period = 50;
    double alpha = 0.5;
    double beta = 0.7;
    double gamma = 0.7;
    Plugin group = plugin_with("pairs");

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps between rounds (H).");
      visit("alpha", alpha, Range<double>{0, 1}, "", "Decay of the momentum.");
      visit("beta", beta, Range<double>{0, 10}, "", "Share of the group's mean change.");
      visit("gamma", gamma, Range<double>{0, 10}, "", "Pull to the group's mean anchor.");
      visit("group", group, Required{}, "", "Who mixes with whom.");
    }
  };
  explicit NoLoCoPreset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel x = channel_with("x",
                             plugin_with("noloco", {{"alpha", options_.alpha},
                                                    {"beta", options_.beta},
                                                    {"gamma", options_.gamma}}),
                             Hook::kAfterUpdate, options_.period);
    x.group = options_.group;
    return {x};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_noloco;
const Entry<Preset> presets_noloco =
    entry<Preset, NoLoCoPreset>("noloco", "random pairs mix; there is no mean of all");

}  // namespace causeway
