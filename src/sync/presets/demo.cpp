// SPDX-License-Identifier: Apache-2.0
// DeMo: the fast components of the momentum, every step; the model moves by the sign of their mean.
// Peng and others, arXiv:2411.19870; the port has the equations. The inner optimizer is `sgd`,
// whose rate is that of a sign: small, as Adam's.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class DemoPreset final : public Preset {
 public:
  struct Options {
    double decay = 0.999;
    int64_t chunk = 64;
    int64_t k = 32;
    std::string dense;

    template <class Visit>
    void each(Visit&& visit) {
      visit("decay", decay, Range<double>{0, 1}, "", "Decay of the momentum.");
      visit("chunk", chunk, Range<int64_t>{1, 1024}, "values", "Most values of a chunk's side.");
      visit("k", k, Range<int64_t>{1, 1'048'576}, "", "Coefficients of a chunk that are sent.");
      visit("dense", dense, Any{}, "",
            "Part of the model that is sent whole, without a transform: a region, as "
            "role=embedding; empty: none.");
    }
  };
  explicit DemoPreset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext& context, Mistakes&) const override {
    Channel m = channel_with(
        "m",
        plugin_with("demo",
                    {{"chunk", options_.chunk}, {"decay", options_.decay}, {"clip", context.clip}}),
        Hook::kAfterBackward, 1);
    m.up = {fmt::format("topk(k={}, scope=layer)|fp32", options_.k), {}};
    const auto values = static_cast<double>(options_.chunk * options_.chunk);
    m.down = sparse_down(static_cast<double>(options_.k) / values, context);
    m.rule = plugin_with("senders");
    if (options_.dense.empty()) return {m};
    Channel dense = m;
    dense.name = "dense";
    dense.region = options_.dense;
    dense.port.options.set("transform", false);
    dense.up = dense.down = plugin_with("fp32");
    m.region = "!" + options_.dense;
    return {m, dense};
  }
  Training training() const override { return {{plugin_with("sgd", {{"lr", 1e-3}})}}; }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_demo;
const Entry<Preset> presets_demo =
    entry<Preset, DemoPreset>("demo", "fast components of the momentum, every step");

}  // namespace causeway
