// SPDX-License-Identifier: Apache-2.0
// FedAvg, Local SGD: K local steps, then x = mean(x). McMahan and others 2017. 1P every K steps.
// Inner states stay and go on, unless reset_inner.
#include "sync/preset.h"

namespace causeway {
namespace {

class FedAvg final : public Preset {
 public:
  struct Options {
    int64_t period = 32;
    bool reset_inner = false;

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, Range<int64_t>{1, 1'000'000'000}, "steps",
            "Local steps between rounds (K).");
      visit("reset_inner", reset_inner, Any{}, "",
            "Set the inner optimizer's states and step count to zero after each round.");
    }
  };
  explicit FedAvg(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel x;
    x.name = "x";
    x.port.name = "assign";
    x.port.options.set("state", "x");
    x.port.options.set("reset_inner", options_.reset_inner);
    x.period = options_.period;
    return {x};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_fedavg;
const Entry<Preset> presets_fedavg =
    entry<Preset, FedAvg>("fedavg", "mean of the parameters every K steps");

}  // namespace causeway
