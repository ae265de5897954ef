// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "sim/faults/link_fault.h"

namespace causeway {
namespace {

class Partition final : public FaultKind {
 public:
  struct Options {
    double part = 0.5;

    template <class Visit>
    void each(Visit&& visit) {
      visit("part", part, Range<double>{0, 1}, "",
            "Of all workers, rounded down but at least one.");
    }
  };
  explicit Partition(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance& chance) override {
    const auto wanted = std::max<int64_t>(
        1, static_cast<int64_t>(options_.part * static_cast<double>(world.workers())));
    std::vector<WorkerId>& drawn = drawn_[strike.id];
    // Reservoir in order of id: every part is as likely as any other.
    for (WorkerId worker = 0; worker < world.workers(); ++worker) {
      const int64_t left = world.workers() - worker;
      const int64_t missing = wanted - std::ssize(drawn);
      if (chance.between(1, left) <= missing) drawn.push_back(worker);
    }
    for (const WorkerId worker : drawn) {
      world.tell(worker, "is on the other side of a partition");
      world.uplink(worker).begin(strike.id, {.cut = true});
      world.downlink(worker).begin(strike.id, {.cut = true});
      if (strike.for_ms < 0) world.worker(worker).abandon();
    }
  }
  void end(World& world, const Strike& strike) override {
    for (const WorkerId worker : drawn_[strike.id]) {
      world.uplink(worker).end(strike.id);
      world.downlink(worker).end(strike.id);
    }
  }

 private:
  const Options options_;
  std::map<int64_t, std::vector<WorkerId>> drawn_;  // by strike
};

}  // namespace

extern const Entry<FaultKind> faults_partition;
const Entry<FaultKind> faults_partition =
    entry<FaultKind, Partition>("partition", "a drawn part of all workers is cut off together");

}  // namespace causeway
