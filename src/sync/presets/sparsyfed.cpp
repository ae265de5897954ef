// SPDX-License-Identifier: Apache-2.0
// SparsyFed: sparse models by a parametrisation that lets large weights grow faster, and the
// largest values alone in what is sent. Guastella and others, "SparsyFed: Sparse Adaptive Federated
// Training", 2025; the objective has the equation.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class SparsyFed final : public Preset {
 public:
  struct Options {
    int64_t period = 32;
    double beta = 1.15;
    double keep = 0.05;

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps between rounds (K).");
      visit("beta", beta, Range<double>{1, 8}, "", "Power of the parametrisation w = v |v|^(b-1).");
      visit("keep", keep, kKeepRange, "", "Part of the values that is sent.");
    }
  };
  explicit SparsyFed(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext& context, Mistakes&) const override {
    Channel x = delta_channel(plugin_with("sgd"), options_.period);
    x.up = {fmt::format("topk({}, scope=layer)|fp32", options_.keep), {}};
    x.down = sparse_down(options_.keep, context);
    return {x};
  }
  Training training() const override {
    return {{}, plugin_with("sparsyfed", {{"beta", options_.beta}})};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_sparsyfed;
const Entry<Preset> presets_sparsyfed =
    entry<Preset, SparsyFed>("sparsyfed", "weights that grow sparse, the largest changes alone");

}  // namespace causeway
