// SPDX-License-Identifier: Apache-2.0
// FedAvg that gives each tensor of the mean the variance that the models have: the rule `variance`
// has the equation. 1P every K steps.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class VarianceCorrected final : public Preset {
 public:
  struct Options {
    int64_t period = 32;

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps between rounds (K).");
    }
  };
  explicit VarianceCorrected(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel x = parameter_channel(options_.period);
    x.rule = plugin_with("variance");
    return {x};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_variance_corrected;
const Entry<Preset> presets_variance_corrected = entry<Preset, VarianceCorrected>(
    "variance_corrected", "fedavg whose mean has the variance of the models");

}  // namespace causeway
