// SPDX-License-Identifier: Apache-2.0
// Data-parallel training: the mean gradient, every step, before the clip. 1P a step.
#include "sync/preset.h"

namespace causeway {
namespace {

class Ddp final : public Preset {
 public:
  using Options = NoOptions;
  explicit Ddp(const Options&) {}
  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel gradient;
    gradient.name = "g";
    gradient.port = {"gradient", {}};
    gradient.hook = Hook::kAfterBackward;
    return {gradient};
  }
};

}  // namespace

extern const Entry<Preset> presets_ddp;
const Entry<Preset> presets_ddp = entry<Preset, Ddp>("ddp", "mean gradient every step");

}  // namespace causeway
