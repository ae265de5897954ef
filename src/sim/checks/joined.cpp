// SPDX-License-Identifier: Apache-2.0
#include "sim/check.h"
#include "sim/world.h"

namespace causeway {
namespace {

class HasJoined final : public CheckKind {
 public:
  struct Options {
    int64_t worker = 0;

    template <class Visit>
    void each(Visit&& visit) {
      visit("worker", worker, Range<int64_t>{0, 65'535}, "", "Which worker.");
    }
  };
  explicit HasJoined(const Options& options) : options_(options) {}

  std::string wrong(const World& world, const Undisturbed&) const override {
    const bool joined = options_.worker < world.workers() &&
                        world.worker(static_cast<WorkerId>(options_.worker)).joins() > 0;
    return joined ? "" : fmt::format("worker {} never joined", options_.worker);
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<CheckKind> checks_joined;
const Entry<CheckKind> checks_joined =
    entry<CheckKind, HasJoined>("joined", "a worker has started from the hub's snapshot");

}  // namespace causeway
