// SPDX-License-Identifier: Apache-2.0
// A round at fixed times, of whoever has finished a stretch of steps since the last one (FedFix;
// Fraboni and others, 2023). A time at which nobody has is passed over.
#include "sync/paced_group.h"

namespace causeway {
namespace {

class Timer final : public PacedGroup {
 public:
  struct Options {
    int64_t every = 32;
    int64_t stretch = 32;

    template <class Visit>
    void each(Visit&& visit) {
      visit("every", every, Range<int64_t>{1, 1'000'000'000}, "steps", "Steps between rounds.");
      visit("stretch", stretch, Range<int64_t>{1, 1'000'000'000}, "steps",
            "A worker's own steps in a stretch.");
    }
  };
  explicit Timer(const Options& options) : options_(options) {}
  int64_t least_gap() const override { return options_.every; }

 protected:
  bool pass(int64_t tick, std::vector<int32_t>& members) const override {
    for (int32_t m = 0; m < workers(); ++m)
      if (clock().arrives(m, tick, options_.stretch)) waiting_.insert(m);
    if (tick % options_.every != 0 || waiting_.empty()) return false;
    members.assign(waiting_.begin(), waiting_.end());
    waiting_.clear();
    return true;
  }

 private:
  const Options options_;
  mutable std::set<int32_t> waiting_;
};

}  // namespace

extern const Entry<Group> groups_timer;
const Entry<Group> groups_timer =
    entry<Group, Timer>("timer", "a round at fixed times, of whoever is ready");

}  // namespace causeway
