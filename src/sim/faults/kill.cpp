// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

namespace causeway {
namespace {

class Kill final : public FaultKind {
 public:
  struct Options {
    bool power = true, lose_disk = false;

    template <class Visit>
    void each(Visit&& visit) {
      visit("power", power, Any{}, "", "The power fails: what was not synced is lost, too.");
      visit("lose_disk", lose_disk, Any{}, "", "Its disk is lost, and all state with it.");
    }
  };
  explicit Kill(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    for (const WorkerId worker : strike.workers) {
      world.worker(worker).crash({options_.power, options_.lose_disk});
      if (strike.for_ms >= 0) world.worker(worker).expect_back();
    }
  }
  void end(World& world, const Strike& strike) override {
    for (const WorkerId worker : strike.workers) {
      world.worker(worker).is_back();
      world.worker(worker).boot();
    }
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_kill;
const Entry<FaultKind> faults_kill =
    entry<FaultKind, Kill>("kill", "a worker's machine dies; it starts again in the end");

}  // namespace causeway
