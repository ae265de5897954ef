// SPDX-License-Identifier: Apache-2.0
#include "sim/check.h"
#include "sim/local_run.h"
#include "sim/world.h"

namespace causeway {
namespace {

class SameAsLocal final : public CheckKind {
 public:
  using Options = NoOptions;
  explicit SameAsLocal(const Options&) {}

  std::string wrong(const World& world, const Undisturbed&) const override {
    const std::vector<Digest> local = local_weights(world.course(), world.workers());
    for (WorkerId id = 0; id < world.workers(); ++id) {
      if (!world.worker(id).finished()) return fmt::format("worker {} has not finished", id);
      const Digest here = world.worker(id).trainer()->weights();
      if (here != local[static_cast<size_t>(id)])
        return fmt::format("worker {} has parameters {}, with the exchange of one process {}", id,
                           here.hex(), local[static_cast<size_t>(id)].hex());
    }
    return {};
  }
};

}  // namespace

extern const Entry<CheckKind> checks_same_as_local;
const Entry<CheckKind> checks_same_as_local = entry<CheckKind, SameAsLocal>(
    "same_as_local", "all have the bits that the exchange of one process gives");

}  // namespace causeway
