// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/place.h"

namespace causeway {
namespace {

class ClockJump final : public FaultKind {
 public:
  struct Options {
    Place place = Place::kWorker;
    int64_t ms = 60'000;

    template <class Visit>
    void each(Visit&& visit) {
      visit("place", place, place_choices(), "", "Whose clock.");
      visit("ms", ms, Range<int64_t>{0, 1'000'000'000}, "ms", "How far.");
    }
  };
  explicit ClockJump(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    if (options_.place == Place::kHub) {
      world.tell(kHubNode, "has a clock that jumps by {} ms", options_.ms);
      world.hub().clock().jump(options_.ms);
      return world.hub().clock_changed();
    }
    for (const WorkerId worker : strike.workers) {
      world.tell(worker, "has a clock that jumps by {} ms", options_.ms);
      world.worker(worker).clock().jump(options_.ms);
      world.worker(worker).clock_changed();
    }
  }
  void end(World&, const Strike&) override {}

 private:
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_clock_jump;
const Entry<FaultKind> faults_clock_jump =
    entry<FaultKind, ClockJump>("clock_jump", "a clock jumps ahead");

}  // namespace causeway
