// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

namespace causeway {
namespace {

class KillHub final : public FaultKind {
 public:
  struct Options {
    bool power = true;

    template <class Visit>
    void each(Visit&& visit) {
      visit("power", power, Any{}, "", "The power fails: what was not synced is lost, too.");
    }
  };
  explicit KillHub(const Options& options) : options_(options) {}

  void begin(World& world, const Strike&, Chance&) override { world.hub().crash(options_.power); }
  void end(World& world, const Strike&) override { world.hub().boot(); }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_kill_hub;
const Entry<FaultKind> faults_kill_hub =
    entry<FaultKind, KillHub>("kill_hub", "the hub's machine dies; it starts again in the end");

}  // namespace causeway
