// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/plugin.h"
#include "sync/channel.h"

namespace causeway {

struct PresetContext {
  /// States of the inner optimizer, in its order: {"u", "v"}, {"u1", "u2", "v"}, {"b"}, {}.
  std::vector<std::string> moments;
};

/// A named method: a function from a few options to channels.
class Preset {
 public:
  virtual ~Preset() = default;
  virtual std::vector<Channel> channels(const PresetContext& context,
                                        Mistakes& mistakes) const = 0;
};

/// Every preset, sorted by name.
Entries<Preset> presets();

}  // namespace causeway
