// SPDX-License-Identifier: Apache-2.0
// EF21: sparse changes of gradients, every step. Richtarik and others, arXiv:2106.05203; the
// feedback has the equations.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class Ef21Preset final : public Preset {
 public:
  struct Options {
    double keep = 0.05;

    template <class Visit>
    void each(Visit&& visit) {
      visit("keep", keep, kKeepRange, "", "Part of the values that is sent.");
    }
  };
  explicit Ef21Preset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel g = gradient_channel();
    g.feedback = plugin_with("ef21");
    g.up = {fmt::format("topk({})|fp32", options_.keep), {}};
    g.weight = Weight::kEqual;
    return {g};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_ef21;
const Entry<Preset> presets_ef21 =
    entry<Preset, Ef21Preset>("ef21", "sparse changes of gradients, every step");

}  // namespace causeway
