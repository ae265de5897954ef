// SPDX-License-Identifier: Apache-2.0
// FedSpeed: FedAvg with an ascent step, a pull to the round's start, and a correction of each
// worker for that pull. Sun and others, arXiv:2302.10429; port and objective have the equations.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class FedSpeedPreset final : public Preset {
 public:
  struct Options {
    int64_t period = 32;
    double rho = 0.05;
    double alpha = 0.5;
    double lambda = 100;

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps between rounds (K).");
      visit("rho", rho, Range<double>{0, 10}, "", "Length of the ascent step.");
      visit("alpha", alpha, Range<double>{0, 1}, "", "Share of the gradient after it.");
      visit("lambda", lambda, Range<double>{1e-6, 1e9}, "", "Inverse strength of the pull.");
    }
  };
  explicit FedSpeedPreset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    return {channel_with("x", plugin_with("fedspeed", {{"lambda", options_.lambda}}),
                         Hook::kAfterUpdate, options_.period)};
  }
  Training training() const override {
    return {{},
            plugin_with(
                "fedspeed",
                {{"rho", options_.rho}, {"alpha", options_.alpha}, {"lambda", options_.lambda}})};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_fedspeed;
const Entry<Preset> presets_fedspeed =
    entry<Preset, FedSpeedPreset>("fedspeed", "fedavg with ascent, pull and correction");

}  // namespace causeway
