// SPDX-License-Identifier: Apache-2.0
//
// The loss of the batch, and its gradient: what all other objectives change.
//
//   g = grad L(x)
#include "optim/objective.h"

namespace causeway {
namespace {

class PlainObjective final : public Objective {
 public:
  using Options = NoOptions;
  explicit PlainObjective(const Options&) {}

  Outcome step(Subject& subject, const ObjectiveStep&) const override {
    return {subject.gradient()};
  }
};

}  // namespace

extern const Entry<Objective> objectives_plain;
const Entry<Objective> objectives_plain =
    entry<Objective, PlainObjective>("plain", "The loss of the batch.");

}  // namespace causeway
