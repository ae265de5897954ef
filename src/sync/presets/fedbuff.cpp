// SPDX-License-Identifier: Apache-2.0
// FedBuff: nobody waits; a round is made of the first B deltas that are ready, each discounted by
// its age. Nguyen and others, arXiv:2106.06639; the port has the equations. Sites of unequal
// `speed` are ready at unequal times.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class FedBuff final : public Preset {
 public:
  struct Options {
    int64_t period = 32;
    int64_t size = 2;
    Plugin outer = plugin_with("sgd");

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "A worker's own steps behind a delta (K).");
      visit("size", size, Range<int64_t>{1, 65'536}, "", "Deltas that make a round (B).");
      visit("outer", outer, Required{}, "", "Outer optimizer: moves the anchor by the mean delta.");
    }
    void check(const Location&, Mistakes& mistakes) const {
      make_plugin(outer_optimizers(), "outer optimizer", outer, mistakes);
    }
  };
  explicit FedBuff(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel x = channel_with("x",
                             plugin_with("buffered", {{"optimizer", as_value(options_.outer)},
                                                      {"stretch", options_.period}}),
                             Hook::kAfterUpdate, 1);
    x.group = plugin_with("buffer", {{"size", options_.size}, {"stretch", options_.period}});
    return {x};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_fedbuff;
const Entry<Preset> presets_fedbuff =
    entry<Preset, FedBuff>("fedbuff", "asynchronous: a round of the first B deltas");

}  // namespace causeway
