// SPDX-License-Identifier: Apache-2.0
#include "sim/check.h"
#include "sim/world.h"

namespace causeway {
namespace {

class SameAsUndisturbed final : public CheckKind {
 public:
  using Options = NoOptions;
  explicit SameAsUndisturbed(const Options&) {}

  std::string wrong(const World& world, const Undisturbed& undisturbed) const override {
    const World& other = undisturbed();
    if (!other.trouble().empty()) return "without faults: " + other.trouble();
    int finished = 0;
    for (WorkerId id = 0; id < world.workers(); ++id) {
      if (!world.worker(id).finished()) continue;
      ++finished;
      const Trainer& here = *world.worker(id).trainer();
      const Trainer& there = *other.worker(id).trainer();
      if (here.replicated() != there.replicated())
        return fmt::format("worker {} has other replicated states than without faults", id);
      if (here.weights() != there.weights())
        return fmt::format("worker {} has other parameters than without faults", id);
    }
    return finished == 0 ? "no worker has finished" : "";
  }
};

}  // namespace

extern const Entry<CheckKind> checks_same_as_undisturbed;
const Entry<CheckKind> checks_same_as_undisturbed = entry<CheckKind, SameAsUndisturbed>(
    "same_as_undisturbed", "all who finished have the bits of a world without faults");

}  // namespace causeway
