// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sim/world.h"

namespace causeway {

/// A fault that makes workers lie while it lasts.
class LieFault : public FaultKind, public Lie {
 public:
  void begin(World& world, const Strike& strike, Chance& chance) override {
    chance_ = &chance;
    for (const WorkerId worker : strike.workers) {
      world.tell(worker, "begins to lie");
      world.worker(worker).begin_lie(*this);
    }
  }
  void end(World& world, const Strike& strike) override {
    for (const WorkerId worker : strike.workers) {
      world.tell(worker, "tells the truth again");
      world.worker(worker).end_lie(*this);
    }
  }

 protected:
  Chance& chance() { return *chance_; }

 private:
  Chance* chance_ = nullptr;
};

}  // namespace causeway
