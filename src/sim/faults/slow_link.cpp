// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/link_fault.h"

namespace causeway {
namespace {

class SlowLink final : public LinkFault {
 public:
  struct Options {
    double factor = 100, delay_ms = 0;

    template <class Visit>
    void each(Visit&& visit) {
      visit("factor", factor, Range<double>{1, 1e6}, "", "So many times slower.");
      visit("delay_ms", delay_ms, Range<double>{0, 60'000}, "ms", "Added to its delay.");
    }
  };
  explicit SlowLink(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    const LinkChange change{.speed_factor = 1 / options_.factor, .delay_ms = options_.delay_ms};
    for (const WorkerId worker : strike.workers) {
      world.tell(worker, "has a link {} times slower", options_.factor);
      begin_one(world, worker, strike, change, change);
    }
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_slow_link;
const Entry<FaultKind> faults_slow_link =
    entry<FaultKind, SlowLink>("slow_link", "a worker's link is slower, both ways");

}  // namespace causeway
