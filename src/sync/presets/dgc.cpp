// SPDX-License-Identifier: Apache-2.0
// Deep gradient compression: the largest parts of a gradient with momentum, every step. Lin and
// others, arXiv:1712.01887; the feedback has the equations. The momentum is the feedback's, so the
// inner optimizer is plain `sgd`. A worker's gradient is clipped at clip / sqrt(workers). In
// `warmup` first rounds more is sent: keep^((e + 1) / (warmup + 1)).
#include <cmath>

#include "sync/simple_preset.h"

namespace causeway {
namespace {

class DgcPreset final : public Preset {
 public:
  struct Options {
    double keep = 0.001;
    double momentum = 0.9;
    int64_t warmup = 4;
    double local_clip = -1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("keep", keep, kKeepRange, "", "Part of the values that is sent.");
      visit("momentum", momentum, Range<double>{0, 1}, "", "Decay of the momentum.");
      visit("warmup", warmup, Range<int64_t>{0, 1'000'000}, "rounds",
            "Rounds in which the part falls from 1 to `keep`.");
      visit("local_clip", local_clip, Range<double>{-1, 1e9}, "",
            "Most norm of a worker's gradient; 0: no clip; -1: train.clip / sqrt(workers).");
    }
  };
  explicit DgcPreset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext& context, Mistakes&) const override {
    Channel g = gradient_channel();
    const double clip = options_.local_clip >= 0
                            ? options_.local_clip
                            : context.clip / std::sqrt(static_cast<double>(context.workers));
    g.feedback = plugin_with("dgc", {{"momentum", options_.momentum}, {"local_clip", clip}});
    g.up = {fmt::format("topk(keep={}, warmup={})|fp32", options_.keep, options_.warmup), {}};
    g.down = sparse_down(options_.keep, context);
    return {g};
  }
  Training training() const override { return {{plugin_with("sgd", {{"lr", 0.1}})}}; }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_dgc;
const Entry<Preset> presets_dgc =
    entry<Preset, DgcPreset>("dgc", "the largest parts of gradients with momentum, every step");

}  // namespace causeway
