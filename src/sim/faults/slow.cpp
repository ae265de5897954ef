// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

namespace causeway {
namespace {

class Slow final : public FaultKind {
 public:
  struct Options {
    double factor = 10;

    template <class Visit>
    void each(Visit&& visit) {
      visit("factor", factor, Range<double>{0.001, 1e6}, "", "So many times as long.");
    }
  };
  explicit Slow(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    scale(world, strike, options_.factor);
  }
  void end(World& world, const Strike& strike) override {
    scale(world, strike, 1 / options_.factor);
  }

 private:
  static void scale(World& world, const Strike& strike, double factor) {
    for (const WorkerId worker : strike.workers) {
      WorkerNode& node = world.worker(worker);
      node.set_speed(node.slowness() * factor);
    }
  }
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_slow;
const Entry<FaultKind> faults_slow = entry<FaultKind, Slow>("slow", "a worker's steps take longer");

}  // namespace causeway
