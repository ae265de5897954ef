// SPDX-License-Identifier: Apache-2.0
// FedProx: FedAvg where a pull to the round's start is part of each local step. Li and others,
// "Federated Optimization in Heterogeneous Networks", arXiv:1812.06127; the objective `prox` has
// the equation. 1P every K steps.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class FedProx final : public Preset {
 public:
  struct Options {
    int64_t period = 32;
    double mu = 0.01;

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps between rounds (K).");
      visit("mu", mu, Range<double>{0, 1e6}, "", "Strength of the pull.");
    }
  };
  explicit FedProx(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    return {parameter_channel(options_.period)};
  }
  Training training() const override { return {{}, plugin_with("prox", {{"mu", options_.mu}})}; }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_fedprox;
const Entry<Preset> presets_fedprox =
    entry<Preset, FedProx>("fedprox", "fedavg with a pull to the round's start");

}  // namespace causeway
