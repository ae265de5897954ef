// SPDX-License-Identifier: Apache-2.0
#include "sim/check.h"
#include "sim/world.h"

namespace causeway {
namespace {

class LossBelow final : public CheckKind {
 public:
  struct Options {
    double value = 1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("value", value, Range<double>{0, 1e30}, "", "Their loss over all workers' data.");
    }
  };
  explicit LossBelow(const Options& options) : options_(options) {}

  std::string wrong(const World& world, const Undisturbed&) const override {
    int finished = 0;
    for (WorkerId id = 0; id < world.workers(); ++id) {
      if (!world.worker(id).finished()) continue;
      ++finished;
      const double loss = world.worker(id).trainer()->loss();
      // Written so that NaN is wrong, too.
      if (!(loss < options_.value))
        return fmt::format("worker {} has a loss of {:.4g}; wanted: below {:.4g}", id, loss,
                           options_.value);
    }
    return finished == 0 ? "no worker has finished" : "";
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<CheckKind> checks_loss_below;
const Entry<CheckKind> checks_loss_below =
    entry<CheckKind, LossBelow>("loss_below", "all who finished have learnt so much");

}  // namespace causeway
