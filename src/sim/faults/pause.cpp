// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

namespace causeway {
namespace {

class Pause final : public FaultKind {
 public:
  using Options = NoOptions;
  explicit Pause(const Options&) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    for (const WorkerId worker : strike.workers) {
      world.worker(worker).pause();
      if (strike.for_ms < 0) world.worker(worker).abandon();
    }
  }
  void end(World& world, const Strike& strike) override {
    for (const WorkerId worker : strike.workers) world.worker(worker).resume();
  }
};

}  // namespace

extern const Entry<FaultKind> faults_pause;
const Entry<FaultKind> faults_pause =
    entry<FaultKind, Pause>("pause", "a worker's process is stopped (SIGSTOP) and goes on later");

}  // namespace causeway
