// SPDX-License-Identifier: Apache-2.0
// FedAMD: in each round a coin makes a worker an anchor, which measures the gradient at the round's
// start over a large batch, or a miner, which trains with it as a variance-reduced direction. Wu
// and others, "Anchor Sampling for Federated Learning with Partial Client Participation",
// arXiv:2206.05891; the objective `fedamd` has the equations. 1P every K steps from each.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class FedAmd final : public Preset {
 public:
  struct Options {
    int64_t period = 32;
    double probability = 0.5;
    Plugin outer = plugin_with("sgd");

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps between rounds (K).");
      visit("probability", probability, Range<double>{0, 1}, "", "Of being an anchor.");
      visit("outer", outer, Required{}, "", "Outer optimizer: moves the anchor by the mean delta.");
    }
    void check(const Location&, Mistakes& mistakes) const {
      make_plugin(outer_optimizers(), "outer optimizer", outer, mistakes);
    }
  };
  explicit FedAmd(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    const auto drawn = [&](bool anchors) {
      return plugin_with("coin", {{"probability", options_.probability}, {"anchors", anchors}});
    };
    Channel v = channel_with("v", plugin_with("assign", {{"state", "large"}, {"to", "vbar"}}),
                             Hook::kAfterUpdate, options_.period);
    v.group = drawn(true);
    Channel x = delta_channel(options_.outer, options_.period);
    x.group = drawn(false);
    return {v, x};
  }
  Training training() const override {
    return {{},
            plugin_with("fedamd",
                        {{"probability", options_.probability}, {"period", options_.period}})};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_fedamd;
const Entry<Preset> presets_fedamd =
    entry<Preset, FedAmd>("fedamd", "anchors measure the gradient, miners train along it");

}  // namespace causeway
