// SPDX-License-Identifier: Apache-2.0
#include "sim/check.h"
#include "sim/world.h"

namespace causeway {
namespace {

class ReplicasIdentical final : public CheckKind {
 public:
  struct Options {
    bool weights = false;

    template <class Visit>
    void each(Visit&& visit) {
      visit("weights", weights, Any{}, "", "And the same parameters.");
    }
  };
  explicit ReplicasIdentical(const Options& options) : options_(options) {}

  std::string wrong(const World& world, const Undisturbed&) const override {
    const WorkerNode* first = nullptr;
    for (WorkerId id = 0; id < world.workers(); ++id) {
      const WorkerNode& node = world.worker(id);
      if (!node.finished()) continue;
      if (first == nullptr) first = &node;
      if (node.trainer()->replicated() != first->trainer()->replicated())
        return fmt::format("workers {} and {} have other replicated states", first->id(), id);
      if (options_.weights && node.trainer()->weights() != first->trainer()->weights())
        return fmt::format("workers {} and {} have other parameters", first->id(), id);
    }
    return first == nullptr ? "no worker has finished" : "";
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<CheckKind> checks_replicas_identical;
const Entry<CheckKind> checks_replicas_identical = entry<CheckKind, ReplicasIdentical>(
    "replicas_identical", "all who finished have the same replicated states");

}  // namespace causeway
