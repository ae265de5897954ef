// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/link_fault.h"

namespace causeway {
namespace {

class Corrupt final : public LinkFault {
 public:
  struct Options {
    double part = 0.05;

    template <class Visit>
    void each(Visit&& visit) {
      visit("part", part, Range<double>{0, 1}, "", "Of the messages.");
    }
  };
  explicit Corrupt(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    const LinkChange change{.corrupt = options_.part};
    for (const WorkerId worker : strike.workers) {
      world.tell(worker, "has a link that flips bits");
      begin_one(world, worker, strike, change, change);
    }
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_corrupt;
const Entry<FaultKind> faults_corrupt =
    entry<FaultKind, Corrupt>("corrupt", "bits flip in a worker's messages, both ways");

}  // namespace causeway
