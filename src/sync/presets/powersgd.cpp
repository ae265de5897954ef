// SPDX-License-Identifier: Apache-2.0
// PowerSGD: gradients at low rank, in two exchanges a step. Vogels and others, arXiv:1905.13727;
// the port has the equations. Of a matrix [p, q], (p + q) rank values a step.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class PowerSgdPreset final : public Preset {
 public:
  struct Options {
    int64_t rank = 4;

    template <class Visit>
    void each(Visit&& visit) {
      visit("rank", rank, Range<int64_t>{1, 4096}, "", "Rank of what is sent of a matrix.");
    }
  };
  explicit PowerSgdPreset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    return {channel_with("g", plugin_with("powersgd", {{"rank", options_.rank}}),
                         Hook::kAfterBackward, 1)};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_powersgd;
const Entry<Preset> presets_powersgd =
    entry<Preset, PowerSgdPreset>("powersgd", "gradients at low rank every step");

}  // namespace causeway
