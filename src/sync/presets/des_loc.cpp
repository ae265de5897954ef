// SPDX-License-Identifier: Apache-2.0
// DES-LOC: parameters and each moment are averaged with their own periods. Iacob and others,
// "DES-LOC: Desynced Low Communication Adaptive Optimizers", 2025, algorithm 1. Costs
// (1/K_x + 1/K_u + 1/K_v) P a step. The paper's algorithm averages before the update, the authors'
// code after it: `ordering` has both.
#include "sync/moment_channels.h"

namespace causeway {
namespace {

class DesLoc final : public Preset {
 public:
  using Options = MomentOptions;
  explicit DesLoc(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext& context, Mistakes& mistakes) const override {
    return moment_channels(options_, context, mistakes);
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_des_loc;
const Entry<Preset> presets_des_loc =
    entry<Preset, DesLoc>("des_loc", "parameters and moments, each with its own period");

}  // namespace causeway
