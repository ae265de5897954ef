// SPDX-License-Identifier: Apache-2.0
// Moshpit averaging: the parameters' mean along the lines of a grid, one axis after the other, so
// that nobody meets more than a line of others and a full grid has the exact mean. Ryabinin and
// others, arXiv:2103.03239. d times 1P every K steps.
#include <cmath>

#include "sync/simple_preset.h"

namespace causeway {
namespace {

class Moshpit final : public Preset {
 public:
  struct Options {
    int64_t period = 32;
    int64_t dimensions = 2;
    int64_t side = 0;

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps between rounds (K).");
      visit("dimensions", dimensions, Range<int64_t>{1, 16}, "", "Axes of the grid (d).");
      visit("side", side, Range<int64_t>{0, 65'536}, "",
            "Places along an axis; 0: as few as hold all workers.");
    }
  };
  explicit Moshpit(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext& context, Mistakes&) const override {
    Channel x = parameter_channel(options_.period);
    x.port.options.set("stages", options_.dimensions);
    x.weight = Weight::kEqual;  // a line's mean does not know what its members counted
    x.group =
        plugin_with("grid", {{"side", side(context.workers)}, {"dimensions", options_.dimensions}});
    return {x};
  }

 private:
  int64_t side(int64_t workers) const {
    if (options_.side > 0) return options_.side;
    int64_t out = 1;
    const auto places = [&] {
      double all = 1;
      for (int64_t i = 0; i < options_.dimensions; ++i) all *= static_cast<double>(out);
      return all;
    };
    while (places() < static_cast<double>(workers)) ++out;
    return out;
  }

  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_moshpit;
const Entry<Preset> presets_moshpit =
    entry<Preset, Moshpit>("moshpit", "means along the lines of a grid, axis after axis");

}  // namespace causeway
