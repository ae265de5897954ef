// SPDX-License-Identifier: Apache-2.0
//
// A kind of fault is one file in sim/faults/: what goes wrong in a world when it begins, and what
// is made good when it ends. When, how long, how often and to whom is the scenario's to say.
#pragma once

#include <cstdint>
#include <vector>

#include "core/plugin.h"
#include "sim/chance.h"
#include "sync/exchange.h"

namespace causeway {

class World;

/// One time that a fault strikes. It lives until the world ends.
struct Strike {
  int64_t id = 0;                 ///< unique in its world
  std::vector<WorkerId> workers;  ///< whom it strikes, ascending
  int64_t for_ms = 0;             ///< then it ends; -1: never
};

/// Made anew for every world; may keep what it needs from one call to the next.
class FaultKind {
 public:
  virtual ~FaultKind() = default;
  virtual void begin(World& world, const Strike& strike, Chance& chance) = 0;
  virtual void end(World& world, const Strike& strike) = 0;
};

Entries<FaultKind> faults();

}  // namespace causeway
