// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sim/world.h"

namespace causeway {

/// A fault that changes links while it lasts. A world does not wait for whom it cuts off for good.
class LinkFault : public FaultKind {
 public:
  void end(World& world, const Strike& strike) final {
    for (const WorkerId worker : strike.workers) end_one(world, worker, strike.id);
  }

 protected:
  static void begin_one(World& world, WorkerId worker, const Strike& strike, const LinkChange& up,
                        const LinkChange& down) {
    world.uplink(worker).begin(strike.id, up);
    world.downlink(worker).begin(strike.id, down);
    if (strike.for_ms < 0 && (up.cut || down.cut)) world.worker(worker).abandon();
  }
  static void end_one(World& world, WorkerId worker, int64_t id) {
    world.uplink(worker).end(id);
    world.downlink(worker).end(id);
  }
};

}  // namespace causeway
