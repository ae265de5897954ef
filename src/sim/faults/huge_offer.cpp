// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

namespace causeway {
namespace {

class HugeOffer final : public FaultKind {
 public:
  struct Options {
    double value = 1e30;

    template <class Visit>
    void each(Visit&& visit) {
      visit("value", value, Range<double>{-3e38, 3e38}, "", "That one parameter is said to have.");
    }
  };
  explicit HugeOffer(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    for (const WorkerId worker : strike.workers) {
      world.tell(worker, "will offer {}", options_.value);
      world.worker(worker).spoil(static_cast<float>(options_.value));
    }
  }
  void end(World&, const Strike&) override {}

 private:
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_huge_offer;
const Entry<FaultKind> faults_huge_offer =
    entry<FaultKind, HugeOffer>("huge_offer", "a worker's next offer has one enormous value");

}  // namespace causeway
