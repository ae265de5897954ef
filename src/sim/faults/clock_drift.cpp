// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/place.h"

namespace causeway {
namespace {

class ClockDrift final : public FaultKind {
 public:
  struct Options {
    Place place = Place::kWorker;
    int64_t ppm = 10'000;

    template <class Visit>
    void each(Visit&& visit) {
      visit("place", place, place_choices(), "", "Whose clock.");
      visit("ppm", ppm, Range<int64_t>{-900'000, 10'000'000}, "ppm",
            "Fast by so many parts in a million.");
    }
  };
  explicit ClockDrift(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    change(world, strike, options_.ppm);
  }
  void end(World& world, const Strike& strike) override { change(world, strike, 0); }

 private:
  void change(World& world, const Strike& strike, int64_t ppm) const {
    if (options_.place == Place::kHub) {
      world.hub().clock().set_drift(world.now_us(), ppm);
      return world.hub().clock_changed();
    }
    for (const WorkerId worker : strike.workers) {
      world.worker(worker).clock().set_drift(world.now_us(), ppm);
      world.worker(worker).clock_changed();
    }
  }
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_clock_drift;
const Entry<FaultKind> faults_clock_drift =
    entry<FaultKind, ClockDrift>("clock_drift", "a clock runs fast or slow");

}  // namespace causeway
