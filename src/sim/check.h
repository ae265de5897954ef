// SPDX-License-Identifier: Apache-2.0
//
// A kind of check is one file in sim/checks/: what a scenario wants to be true when its world has
// ended.
#pragma once

#include <functional>
#include <string>

#include "core/plugin.h"

namespace causeway {

class World;

class CheckKind {
 public:
  /// Runs the same world without its faults, once however many checks ask.
  using Undisturbed = std::function<const World&()>;

  virtual ~CheckKind() = default;
  /// What is wrong, in words; empty if nothing is.
  virtual std::string wrong(const World& world, const Undisturbed& undisturbed) const = 0;
};

Entries<CheckKind> checks();

}  // namespace causeway
