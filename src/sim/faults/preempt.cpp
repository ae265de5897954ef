// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

namespace causeway {
namespace {

class Preempt final : public FaultKind {
 public:
  struct Options {
    int64_t grace_ms = 2'000;

    template <class Visit>
    void each(Visit&& visit) {
      visit("grace_ms", grace_ms, Range<int64_t>{0, 1'000'000'000}, "ms",
            "For what is under way; then it must be gone.");
    }
  };
  explicit Preempt(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    for (const WorkerId worker : strike.workers) {
      world.worker(worker).preempt(options_.grace_ms, "preempted");
      if (strike.for_ms >= 0) world.worker(worker).expect_back();
    }
  }
  /// Who has not left by then is killed before it starts anew.
  void end(World& world, const Strike& strike) override {
    for (const WorkerId worker : strike.workers) {
      WorkerNode& node = world.worker(worker);
      node.is_back();
      if (!node.gone()) node.crash({.power = false});
      node.boot();
    }
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_preempt;
const Entry<FaultKind> faults_preempt = entry<FaultKind, Preempt>(
    "preempt", "a worker is told to leave (SIGTERM); it comes back in the end");

}  // namespace causeway
