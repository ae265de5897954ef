// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "sim/check.h"
#include "sim/world.h"

namespace causeway {
namespace {

class PresentInLastRounds final : public CheckKind {
 public:
  struct Options {
    int64_t worker = 0, rounds = 1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("worker", worker, Range<int64_t>{0, 65'535}, "", "Which worker.");
      visit("rounds", rounds, Range<int64_t>{1, INT32_MAX}, "rounds", "How many.");
    }
  };
  explicit PresentInLastRounds(const Options& options) : options_(options) {}

  std::string wrong(const World& world, const Undisturbed&) const override {
    const auto& rounds = world.history().rounds();
    int64_t left = options_.rounds;
    for (auto entry = rounds.rbegin(); entry != rounds.rend() && left > 0; ++entry, --left) {
      const auto& [number, round] = *entry;
      if (!std::binary_search(round.members.begin(), round.members.end(),
                              static_cast<WorkerId>(options_.worker)))
        return fmt::format("worker {} does not count in round {}", options_.worker, number);
    }
    return left > 0 ? fmt::format("there are {} rounds too few", left) : "";
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<CheckKind> checks_present_in_last_rounds;
const Entry<CheckKind> checks_present_in_last_rounds = entry<CheckKind, PresentInLastRounds>(
    "present_in_last_rounds", "a worker counts in the last rounds");

}  // namespace causeway
