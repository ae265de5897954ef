// SPDX-License-Identifier: Apache-2.0
// EControl: EF21 with an error that is fed back at a chosen strength. Gao and others,
// arXiv:2311.05645; the feedback has the equations.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class EControlPreset final : public Preset {
 public:
  struct Options {
    double keep = 0.05;
    double eta = 0.1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("keep", keep, kKeepRange, "", "Part of the values that is sent.");
      visit("eta", eta, Range<double>{0, 1}, "", "Strength of the error that is fed back.");
    }
  };
  explicit EControlPreset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext& context, Mistakes&) const override {
    Channel g = gradient_channel();
    g.feedback = plugin_with("econtrol", {{"eta", options_.eta}});
    g.up = {fmt::format("topk({})|fp32", options_.keep), {}};
    g.down = sparse_down(options_.keep, context);
    g.weight = Weight::kEqual;
    return {g};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_econtrol;
const Entry<Preset> presets_econtrol =
    entry<Preset, EControlPreset>("econtrol", "ef21 with an error fed back at a chosen strength");

}  // namespace causeway
