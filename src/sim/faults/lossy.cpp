// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/link_fault.h"

namespace causeway {
namespace {

class Lossy final : public LinkFault {
 public:
  struct Options {
    double loss = 0.2, duplicate = 0.1, reorder = 0.2, jitter_ms = 50;

    template <class Visit>
    void each(Visit&& visit) {
      visit("loss", loss, Range<double>{0, 1}, "", "Part of the messages that is lost.");
      visit("duplicate", duplicate, Range<double>{0, 1}, "", "Part that arrives twice.");
      visit("reorder", reorder, Range<double>{0, 1}, "", "Part that is overtaken.");
      visit("jitter_ms", jitter_ms, Range<double>{0, 60'000}, "ms", "Added jitter.");
    }
  };
  explicit Lossy(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    const LinkChange change{.jitter_ms = options_.jitter_ms,
                            .loss = options_.loss,
                            .duplicate = options_.duplicate,
                            .reorder = options_.reorder};
    for (const WorkerId worker : strike.workers) {
      world.tell(worker, "has a lossy link");
      begin_one(world, worker, strike, change, change);
    }
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_lossy;
const Entry<FaultKind> faults_lossy =
    entry<FaultKind, Lossy>("lossy", "a worker's link loses, doubles, delays and reorders");

}  // namespace causeway
