// SPDX-License-Identifier: Apache-2.0
#include "sim/check.h"
#include "sim/world.h"

namespace causeway {
namespace {

class IsAbsent final : public CheckKind {
 public:
  struct Options {
    int64_t worker = 0, from = 1, to = INT32_MAX;
    std::string reason;

    template <class Visit>
    void each(Visit&& visit) {
      visit("worker", worker, Range<int64_t>{0, 65'535}, "", "Which worker.");
      visit("from", from, Range<int64_t>{1, INT32_MAX}, "", "First round to look at.");
      visit("to", to, Range<int64_t>{1, INT32_MAX}, "", "Last round to look at.");
      visit("reason", reason, Any{}, "", "Text that the reason has.");
    }
  };
  explicit IsAbsent(const Options& options) : options_(options) {}

  std::string wrong(const World& world, const Undisturbed&) const override {
    std::string got;
    for (const auto& [number, round] : world.history().rounds()) {
      if (number < options_.from || number > options_.to) continue;
      for (const Absence& absence : round.absent) {
        if (absence.worker != options_.worker) continue;
        if (absence.reason.find(options_.reason) != std::string::npos) return {};
        got += fmt::format("; in round {}: {}", number, absence.reason);
      }
    }
    return fmt::format("worker {} is not absent from rounds {} to {} for `{}`{}", options_.worker,
                       options_.from, options_.to, options_.reason, got);
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<CheckKind> checks_absent;
const Entry<CheckKind> checks_absent =
    entry<CheckKind, IsAbsent>("absent", "a worker is absent from a round, with this reason");

}  // namespace causeway
