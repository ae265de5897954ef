// SPDX-License-Identifier: Apache-2.0
// Hivemind's collaborative optimizer: gradients are summed until all workers together have a target
// batch, then one update of everybody. Diskin and others, arXiv:2106.10207; Ryabinin and others'
// library. With delay 1 the update uses the batch before while the next one is summed.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class Hivemind final : public Preset {
 public:
  struct Options {
    int64_t target_tokens = 0;
    int64_t delay = 0;

    template <class Visit>
    void each(Visit&& visit) {
      visit("target_tokens", target_tokens, Range<int64_t>{0, int64_t{1} << 40}, "tokens",
            "Tokens of all workers behind an update; 0: four steps of each.");
      visit("delay", delay, Range<int64_t>{0, 1}, "steps",
            "1: an update may take a step to arrive.");
    }
  };
  explicit Hivemind(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext& context, Mistakes&) const override {
    constexpr int64_t kSteps = 4;
    const int64_t batch = context.batch_tokens;
    const int64_t steps = options_.target_tokens > 0 ? (options_.target_tokens + batch - 1) / batch
                                                     : kSteps * context.workers;
    Channel g = channel_with("g", plugin_with("accumulate"), Hook::kAfterBackward, 1);
    g.group = plugin_with("buffer", {{"size", steps}, {"stretch", 1}});
    g.delay = options_.delay;
    return {g};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_hivemind;
const Entry<Preset> presets_hivemind =
    entry<Preset, Hivemind>("hivemind", "gradients summed to a target batch, then one update");

}  // namespace causeway
