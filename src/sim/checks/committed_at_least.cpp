// SPDX-License-Identifier: Apache-2.0
#include "sim/check.h"
#include "sim/world.h"

namespace causeway {
namespace {

class CommittedAtLeast final : public CheckKind {
 public:
  struct Options {
    int64_t rounds = 1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("rounds", rounds, Range<int64_t>{0, 1'000'000'000}, "rounds", "How many.");
    }
  };
  explicit CommittedAtLeast(const Options& options) : options_(options) {}

  std::string wrong(const World& world, const Undisturbed&) const override {
    const int64_t got = world.history().committed();
    if (got < options_.rounds)
      return fmt::format("{} rounds were committed; wanted: at least {}", got, options_.rounds);
    return {};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<CheckKind> checks_committed_at_least;
const Entry<CheckKind> checks_committed_at_least =
    entry<CheckKind, CommittedAtLeast>("committed_at_least", "so many rounds were committed");

}  // namespace causeway
