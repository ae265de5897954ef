// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

namespace causeway {
namespace {

class PauseHub final : public FaultKind {
 public:
  using Options = NoOptions;
  explicit PauseHub(const Options&) {}

  void begin(World& world, const Strike&, Chance&) override { world.hub().pause(); }
  void end(World& world, const Strike&) override { world.hub().resume(); }
};

}  // namespace

extern const Entry<FaultKind> faults_pause_hub;
const Entry<FaultKind> faults_pause_hub = entry<FaultKind, PauseHub>(
    "pause_hub", "the hub's process is stopped (SIGSTOP) and goes on later");

}  // namespace causeway
