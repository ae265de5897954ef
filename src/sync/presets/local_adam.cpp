// SPDX-License-Identifier: Apache-2.0
// Local Adam: every K steps the parameters and all moments are averaged. Cheng and Glasgow,
// "Convergence of Distributed Adaptive Optimization with Local Updates", 2025. 3P every K steps.
#include "sync/moment_channels.h"

namespace causeway {
namespace {

class LocalAdam final : public Preset {
 public:
  struct Options {
    int64_t period = 32;

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, Range<int64_t>{1, 1'000'000'000}, "steps",
            "Local steps between rounds (K).");
    }
  };
  explicit LocalAdam(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext& context, Mistakes&) const override {
    std::vector<Channel> out;
    for (const std::string& state : context.moments)
      out.push_back(average_channel(state, options_.period, Hook::kAfterUpdate));
    out.push_back(average_channel("x", options_.period, Hook::kAfterUpdate));
    return out;
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_local_adam;
const Entry<Preset> presets_local_adam =
    entry<Preset, LocalAdam>("local_adam", "mean of parameters and moments every K steps");

}  // namespace causeway
