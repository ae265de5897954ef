// SPDX-License-Identifier: Apache-2.0
// CO2: the mean of each round is used one round late, so that its transfer hides behind a whole
// round of steps. Sun and others 2024; the port has the equations. 1P every tau steps.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class Co2Preset final : public Preset {
 public:
  struct Options {
    int64_t period = 32;
    double lr = 1;
    double momentum = 0.5;
    double gap_penalty = 1;
    double limit = 0;

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps of a round (tau).");
      visit("lr", lr, Range<double>{0, 100}, "", "Outer learning rate.");
      visit("momentum", momentum, Range<double>{0, 1}, "", "Decay of the outer momentum.");
      visit("gap_penalty", gap_penalty, Range<double>{1e-6, 1e6}, "",
            "A late delta is divided by this.");
      visit("limit", limit, Range<double>{0, 1e6}, "",
            "Most magnitude of the outer momentum, value by value; 0: none.");
    }
  };
  explicit Co2Preset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel x = channel_with("x",
                             plugin_with("co2", {{"lr", options_.lr},
                                                 {"momentum", options_.momentum},
                                                 {"gap_penalty", options_.gap_penalty},
                                                 {"limit", options_.limit}}),
                             Hook::kAfterUpdate, options_.period);
    x.delay = options_.period;
    return {x};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_co2;
const Entry<Preset> presets_co2 =
    entry<Preset, Co2Preset>("co2", "means used one round late, behind a round of steps");

}  // namespace causeway
