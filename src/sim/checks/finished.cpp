// SPDX-License-Identifier: Apache-2.0
#include "sim/check.h"
#include "sim/world.h"

namespace causeway {
namespace {

class IsFinished final : public CheckKind {
 public:
  using Options = NoOptions;
  explicit IsFinished(const Options&) {}
  std::string wrong(const World& world, const Undisturbed&) const override {
    return world.trouble();
  }
};

}  // namespace

extern const Entry<CheckKind> checks_finished;
const Entry<CheckKind> checks_finished =
    entry<CheckKind, IsFinished>("finished", "the run was finished before any limit");

}  // namespace causeway
