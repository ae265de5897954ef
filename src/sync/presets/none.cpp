// SPDX-License-Identifier: Apache-2.0
// Nothing is exchanged: each worker trains alone.
#include "sync/preset.h"

namespace causeway {
namespace {

class NoExchange final : public Preset {
 public:
  using Options = NoOptions;
  explicit NoExchange(const Options&) {}
  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override { return {}; }
};

}  // namespace

extern const Entry<Preset> presets_none;
const Entry<Preset> presets_none = entry<Preset, NoExchange>("none", "each worker trains alone");

}  // namespace causeway
