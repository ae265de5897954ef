// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/link_fault.h"

namespace causeway {
namespace {

enum class Way : uint8_t { kUp = 1, kDown = 2 };

class CutOneWay final : public LinkFault {
 public:
  struct Options {
    Way way = Way::kUp;

    template <class Visit>
    void each(Visit&& visit) {
      visit("way", way, Choices<Way>{{{"up", Way::kUp}, {"down", Way::kDown}}}, "",
            "To the hub, or from it.");
    }
  };
  explicit CutOneWay(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    const bool up = options_.way == Way::kUp;
    for (const WorkerId worker : strike.workers) {
      world.tell(worker, "{} the hub", up ? "is not heard by" : "does not hear");
      begin_one(world, worker, strike, {.cut = up}, {.cut = !up});
    }
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_cut_one_way;
const Entry<FaultKind> faults_cut_one_way =
    entry<FaultKind, CutOneWay>("cut_one_way", "a worker's link carries nothing, one way");

}  // namespace causeway
