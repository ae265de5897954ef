// SPDX-License-Identifier: Apache-2.0
#include "sim/check.h"
#include "sim/world.h"

namespace causeway {
namespace {

class AbortedAtMost final : public CheckKind {
 public:
  struct Options {
    int64_t rounds = 0;

    template <class Visit>
    void each(Visit&& visit) {
      visit("rounds", rounds, Range<int64_t>{0, 1'000'000'000}, "rounds", "How many.");
    }
  };
  explicit AbortedAtMost(const Options& options) : options_(options) {}

  std::string wrong(const World& world, const Undisturbed&) const override {
    const int64_t got = world.history().aborted();
    if (got > options_.rounds)
      return fmt::format("{} rounds were aborted; wanted: at most {}", got, options_.rounds);
    return {};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<CheckKind> checks_aborted_at_most;
const Entry<CheckKind> checks_aborted_at_most =
    entry<CheckKind, AbortedAtMost>("aborted_at_most", "no more rounds were aborted");

}  // namespace causeway
