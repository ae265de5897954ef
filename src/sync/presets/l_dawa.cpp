// SPDX-License-Identifier: Apache-2.0
// L-DAWA: FedAvg where each layer of a worker counts by its cosine with the last mean. Rehman and
// others, arXiv:2307.07393; the rule `cosine` has the equation. 1P every K steps.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class LDawa final : public Preset {
 public:
  struct Options {
    int64_t period = 32;

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps between rounds (K).");
    }
  };
  explicit LDawa(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel x = parameter_channel(options_.period);
    x.rule = plugin_with("cosine");
    return {x};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_l_dawa;
const Entry<Preset> presets_l_dawa =
    entry<Preset, LDawa>("l_dawa", "fedavg where layers count by their cosine with the last mean");

}  // namespace causeway
