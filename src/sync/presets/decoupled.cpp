// SPDX-License-Identifier: Apache-2.0
// Decoupled DiLoCo: fragments of the model, each folded when a quorum of workers is ready and a
// grace has passed, and applied while all train on; lengths and directions of deltas are averaged
// apart, embeddings plainly. arXiv:2604.21428. A worker counts by its tokens: all train steps of
// one size, so that tokens x tokens / steps is proportional to them.
#include <fmt/format.h>

#include "sync/simple_preset.h"

namespace causeway {
namespace {

class Decoupled final : public Preset {
 public:
  struct Options {
    int64_t period = 24;
    int64_t fragments = 2;
    int64_t delay = 2;
    int64_t quorum = 0;
    int64_t grace = 0;
    Plugin outer = plugin_with("nesterov", {{"lr", 0.7}, {"momentum", 0.9}});

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps",
            "A worker's own steps between its offers of a fragment (H).");
      visit("fragments", fragments, Range<int64_t>{1, 65'536}, "", "Parts of the model.");
      visit("delay", delay, Range<int64_t>{0, 1'000'000'000}, "steps",
            "Steps that a consensus may take while workers train on (tau).");
      visit("quorum", quorum, Range<int64_t>{0, 65'536}, "",
            "Workers that are enough for a round (K); 0: more than half.");
      visit("grace", grace, Range<int64_t>{0, 1'000'000'000}, "steps",
            "Steps that others are waited for then.");
      visit("outer", outer, Required{}, "", "Outer optimizer: moves the anchor by the mean delta.");
    }
    void check(const Location& where, Mistakes& mistakes) const {
      make_plugin(outer_optimizers(), "outer optimizer", outer, mistakes);
      if (delay > period)
        mistakes.add(where,
                     fmt::format("`delay` is {}; wanted: at most the period, {}", delay, period));
    }
  };
  explicit Decoupled(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext& context, Mistakes&) const override {
    std::vector<Channel> out;
    for (int64_t part = 0; part < options_.fragments; ++part) {
      const std::string region = fmt::format("fragment {}/{}", part, options_.fragments);
      out.push_back(fragment(part, context, fmt::format("x{}", part), region));
      if (part > 0) continue;
      // The embedding lies in the first one.
      out.back().region += " & !role=embedding";
      Channel embedding = fragment(part, context, "embedding", "role=embedding");
      embedding.rule = plugin_with("mean");
      out.push_back(std::move(embedding));
    }
    return out;
  }

 private:
  Channel fragment(int64_t part, const PresetContext& context, const std::string& name,
                   const std::string& region) const {
    const int64_t quorum = options_.quorum > 0 ? options_.quorum : context.workers / 2 + 1;
    Channel x = delta_channel(options_.outer, 1);
    x.name = name;
    x.region = region;
    x.delay = options_.delay;
    x.rule = plugin_with("direction");
    x.group = plugin_with(
        "quorum", {{"count", quorum},
                   {"grace", options_.grace},
                   {"stretch", options_.period},
                   {"phase", (part + 1) * options_.period / options_.fragments % options_.period},
                   {"gap", std::max<int64_t>(options_.delay, 1)}});
    return x;
  }

  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_decoupled;
const Entry<Preset> presets_decoupled = entry<Preset, Decoupled>(
    "decoupled", "fragments by quorum and grace, applied while all train on");

}  // namespace causeway
