// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/link_fault.h"

namespace causeway {
namespace {

class Cut final : public LinkFault {
 public:
  using Options = NoOptions;
  explicit Cut(const Options&) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    for (const WorkerId worker : strike.workers) {
      world.tell(worker, "is cut off");
      begin_one(world, worker, strike, {.cut = true}, {.cut = true});
    }
  }
};

}  // namespace

extern const Entry<FaultKind> faults_cut;
const Entry<FaultKind> faults_cut =
    entry<FaultKind, Cut>("cut", "a worker's link carries nothing, both ways");

}  // namespace causeway
