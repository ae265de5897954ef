// SPDX-License-Identifier: Apache-2.0
#include "sim/checks/worker_options.h"

namespace causeway {
namespace {

class IsStruck final : public CheckKind {
 public:
  using Options = WorkerCheckOptions;
  explicit IsStruck(const Options& options) : options_(options) {}
  std::string wrong(const World& world, const Undisturbed&) const override {
    return want_gone(world.history().struck(), options_, "struck");
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<CheckKind> checks_struck;
const Entry<CheckKind> checks_struck = entry<CheckKind, IsStruck>(
    "struck", "a bad offer was counted against a worker, with this reason");

}  // namespace causeway
