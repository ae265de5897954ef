// SPDX-License-Identifier: Apache-2.0
// EF21-W: EF21 where a worker counts by how fast its gradient changes, so that the rate may depend
// on the mean of those numbers and not on the largest. Richtarik, Gasanov and Burlachenko, "Error
// Feedback Reloaded", arXiv:2402.10774, algorithm 3. With shares w_i = L_i / sum L,
//   c = C(g / (n w_i) - h);  h += c;  hbar += sum of w_i c
// L_i is the site's `weight`; alike, it is EF21.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class Ef21WPreset final : public Preset {
 public:
  struct Options {
    double keep = 0.05;

    template <class Visit>
    void each(Visit&& visit) {
      visit("keep", keep, kKeepRange, "", "Part of the values that is sent.");
    }
  };
  explicit Ef21WPreset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel g = gradient_channel();
    g.port.options.set("balance", true);
    g.feedback = plugin_with("ef21");
    g.up = {fmt::format("topk({})|fp32", options_.keep), {}};
    g.weight = Weight::kFixed;
    return {g};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_ef21w;
const Entry<Preset> presets_ef21w =
    entry<Preset, Ef21WPreset>("ef21w", "ef21 where workers count by their sites' weights");

}  // namespace causeway
