// SPDX-License-Identifier: Apache-2.0
#include "sim/checks/worker_options.h"

namespace causeway {
namespace {

class IsRefused final : public CheckKind {
 public:
  using Options = WorkerCheckOptions;
  explicit IsRefused(const Options& options) : options_(options) {}
  std::string wrong(const World& world, const Undisturbed&) const override {
    if (options_.worker >= world.workers())
      return fmt::format("there is no worker {}", options_.worker);
    const WorkerNode& node = world.worker(static_cast<WorkerId>(options_.worker));
    if (!node.gone()) return fmt::format("worker {} is not gone", options_.worker);
    const std::string& reason = node.machine()->gone_reason();
    if (reason.find(options_.reason) != std::string::npos) return {};
    return fmt::format("worker {} is gone for: {}; wanted: `{}`", options_.worker, reason,
                       options_.reason);
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<CheckKind> checks_refused;
const Entry<CheckKind> checks_refused = entry<CheckKind, IsRefused>(
    "refused", "a worker was refused or has left, with this reason, and is gone");

}  // namespace causeway
