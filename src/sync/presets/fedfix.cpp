// SPDX-License-Identifier: Apache-2.0
// FedFix: a round at fixed times, of whatever deltas are ready by then; who is ready rarely counts
// the more, so that sites count alike in the long run. Fraboni and others, "A General Theory for
// Federated Optimization with Asynchronous and Heterogeneous Clients Updates", 2023; the port has
// the weights.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class FedFix final : public Preset {
 public:
  struct Options {
    int64_t period = 32;
    int64_t window = 0;
    Plugin outer = plugin_with("sgd");

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "A worker's own steps behind a delta (K).");
      visit("window", window, Range<int64_t>{0, 1'000'000'000}, "steps",
            "Steps between rounds; 0: the period.");
      visit("outer", outer, Required{}, "", "Outer optimizer: moves the anchor by the mean delta.");
    }
    void check(const Location&, Mistakes& mistakes) const {
      make_plugin(outer_optimizers(), "outer optimizer", outer, mistakes);
    }
  };
  explicit FedFix(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    const int64_t window = options_.window > 0 ? options_.window : options_.period;
    Channel x = channel_with("x",
                             plugin_with("buffered", {{"optimizer", as_value(options_.outer)},
                                                      {"stretch", options_.period},
                                                      {"age_power", 0.0},
                                                      {"window", window}}),
                             Hook::kAfterUpdate, 1);
    x.group = plugin_with("timer", {{"every", window}, {"stretch", options_.period}});
    return {x};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_fedfix;
const Entry<Preset> presets_fedfix =
    entry<Preset, FedFix>("fedfix", "asynchronous: a round at fixed times, of what is ready");

}  // namespace causeway
