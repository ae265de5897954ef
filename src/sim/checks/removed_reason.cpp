// SPDX-License-Identifier: Apache-2.0
#include "sim/checks/worker_options.h"

namespace causeway {
namespace {

class RemovedReason final : public CheckKind {
 public:
  using Options = WorkerCheckOptions;
  explicit RemovedReason(const Options& options) : options_(options) {}
  std::string wrong(const World& world, const Undisturbed&) const override {
    return want_gone(world.history().removed(), options_, "removed");
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<CheckKind> checks_removed_reason;
const Entry<CheckKind> checks_removed_reason = entry<CheckKind, RemovedReason>(
    "removed_reason", "the hub sent a worker away, with this reason");

}  // namespace causeway
