// SPDX-License-Identifier: Apache-2.0
// Streaming DiLoCo: DiLoCo by fragments of the model, each with its own turn in the period. The
// mean delta of a fragment is on its way for `delay` steps, in which workers train on; then its
// anchor moves and x becomes mix x + (1 - mix) anchor. Douillard and others, "Streaming DiLoCo with
// overlapping communication", 2025, arXiv:2501.18512, algorithm 2. 1P every H steps, at most the
// largest fragment at once. The paper sends 4-bit deltas; here `up` says how offers are encoded.
#include <fmt/format.h>

#include "sync/outer.h"
#include "sync/preset.h"

namespace causeway {
namespace {

Plugin paper_outer() {
  Plugin outer{"nesterov", Value::Table{}};
  outer.options.set("lr", 0.4);
  outer.options.set("momentum", 0.9);
  return outer;
}

class StreamingDiLoCo final : public Preset {
 public:
  struct Options {
    int64_t period = 64;
    int64_t fragments = 2;
    int64_t delay = 1;
    double mix = 0.5;
    Plugin outer = paper_outer();
    std::vector<int64_t> phases;

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, Range<int64_t>{1, 1'000'000'000}, "steps",
            "Steps between rounds of a fragment (H).");
      visit("fragments", fragments, Range<int64_t>{1, 65'536}, "",
            "Parts of the model: layer i is in part i mod fragments, the embedding in the first, "
            "final norm and head in the last.");
      visit("delay", delay, Range<int64_t>{0, 1'000'000'000}, "steps",
            "Steps that a consensus may take while workers train on (tau), at most the period.");
      visit("mix", mix, Range<double>{0, 1}, "",
            "Part of the worker's own x that stays when the anchor comes (alpha).");
      visit("outer", outer, Required{}, "", "Outer optimizer: moves the anchor by the mean delta.");
      visit("phases", phases, Range<int64_t>{0, 1'000'000'000}, "steps",
            "When each fragment fires: steps modulo the period. Default: spread evenly over it.");
    }
    void check(const Location& where, Mistakes& mistakes) const {
      make_plugin(outer_optimizers(), "outer optimizer", outer, mistakes);
      if (delay > period)
        mistakes.add(where,
                     fmt::format("`delay` is {}; wanted: at most the period, {}", delay, period));
      if (!phases.empty() && std::ssize(phases) != fragments)
        mistakes.add(where, fmt::format("`phases` has {} numbers; wanted: one for each of the {} "
                                        "fragments",
                                        phases.size(), fragments));
      for (const int64_t phase : phases)
        if (phase >= period)
          mistakes.add(where,
                       fmt::format("a phase is {}; wanted: below the period, {}", phase, period));
    }
  };
  explicit StreamingDiLoCo(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    std::vector<Channel> out;
    for (int64_t part = 0; part < options_.fragments; ++part) {
      Channel& x = out.emplace_back();
      x.name = fmt::format("x{}", part);
      x.region = fmt::format("fragment {}/{}", part, options_.fragments);
      x.port.name = "outer";
      x.port.options.set("optimizer", options_detail::write(options_.outer));
      x.port.options.set("mix", options_.mix);
      x.period = options_.period;
      x.phase = phase(static_cast<size_t>(part));
      x.delay = options_.delay;
    }
    return out;
  }

 private:
  /// The last fragment fires at multiples of the period, the others at even distances before it.
  int64_t phase(size_t part) const {
    if (!options_.phases.empty()) return options_.phases[part];
    const auto turn = static_cast<int64_t>(part) + 1;
    return turn * options_.period / options_.fragments % options_.period;
  }

  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_streaming_diloco;
const Entry<Preset> presets_streaming_diloco = entry<Preset, StreamingDiLoCo>(
    "streaming_diloco", "diloco by fragments, applied while workers train on");

}  // namespace causeway
