// SPDX-License-Identifier: Apache-2.0
// MASHA: gradients sparse both ways, each with error feedback. Beznosikov and others, "Distributed
// Methods with Compressed Communication for Solving Variational Inequalities, with Theoretical
// Guarantees", arXiv:2110.03313, the variant for contractive codecs. Training minimises alone, so
// there is one gradient and no opposite sign.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class Masha final : public Preset {
 public:
  struct Options {
    double keep = 0.05;
    double keep_down = 0.1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("keep", keep, kKeepRange, "", "Part of the values that a worker sends.");
      visit("keep_down", keep_down, kKeepRange, "", "Part of the mean that comes back.");
    }
  };
  explicit Masha(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel g = gradient_channel();
    g.feedback = g.down_feedback = plugin_with("ef");
    g.up = {fmt::format("topk({})|fp32", options_.keep), {}};
    g.down = {fmt::format("topk({})|fp32", options_.keep_down), {}};
    return {g};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_masha;
const Entry<Preset> presets_masha =
    entry<Preset, Masha>("masha", "gradients sparse both ways, with feedback both ways");

}  // namespace causeway
