// SPDX-License-Identifier: Apache-2.0
// A round when `count` workers have finished a stretch of steps since the last one, and a grace
// after that for others who are about to (Decoupled DiLoCo, arXiv:2604.21428). Who comes later is
// in the next round.
#include "sync/paced_group.h"

namespace causeway {
namespace {

class Quorum final : public PacedGroup {
 public:
  struct Options {
    int64_t count = 2;
    int64_t grace = 0;
    int64_t stretch = 24;
    int64_t phase = 0;
    int64_t gap = 1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("count", count, Range<int64_t>{1, 65'536}, "",
            "Workers that are enough; all of them if there are fewer.");
      visit("grace", grace, Range<int64_t>{0, 1'000'000'000}, "steps",
            "Steps that others are waited for.");
      visit("stretch", stretch, Range<int64_t>{1, 1'000'000'000}, "steps",
            "A worker's own steps between two of its offers.");
      visit("phase", phase, Range<int64_t>{0, 1'000'000'000}, "steps",
            "A worker is ready when (its steps - phase) is a multiple of the stretch.");
      visit("gap", gap, Range<int64_t>{1, 1'000'000'000}, "steps",
            "Least steps between rounds: the channel's delay.");
    }
  };
  explicit Quorum(const Options& options) : options_(options) {}
  int64_t least_gap() const override { return options_.gap; }

 protected:
  bool pass(int64_t tick, std::vector<int32_t>& members) const override {
    for (int32_t m = 0; m < workers(); ++m) {
      const int64_t steps = clock().steps(m, tick) - options_.phase;
      if (clock().trains(m, tick) && steps >= 0 && steps % options_.stretch == 0 &&
          clock().steps(m, tick) > 0)
        waiting_.insert(m);
    }
    if (std::ssize(waiting_) < std::min<int64_t>(options_.count, workers())) return false;
    if (enough_at_ == 0) enough_at_ = tick;
    if (tick < enough_at_ + options_.grace || (last_ > 0 && tick < last_ + options_.gap))
      return false;
    members.assign(waiting_.begin(), waiting_.end());
    waiting_.clear();
    enough_at_ = 0;
    last_ = tick;
    return true;
  }

 private:
  const Options options_;
  mutable std::set<int32_t> waiting_;
  mutable int64_t enough_at_ = 0, last_ = 0;
};

}  // namespace

extern const Entry<Group> groups_quorum;
const Entry<Group> groups_quorum =
    entry<Group, Quorum>("quorum", "a round when enough workers are ready, and a grace after it");

}  // namespace causeway
