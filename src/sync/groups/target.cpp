// SPDX-License-Identifier: Apache-2.0
// A round when all workers together have trained so many steps since the last one: a target batch
// (Diskin and others, arXiv:2106.10207). Everybody who has trained since is in it.
#include "sync/paced_group.h"

namespace causeway {
namespace {

class Target final : public PacedGroup {
 public:
  struct Options {
    int64_t steps = 4;

    template <class Visit>
    void each(Visit&& visit) {
      visit("steps", steps, Range<int64_t>{1, 1'000'000'000}, "steps",
            "Steps of all workers together that make a round.");
    }
  };
  explicit Target(const Options& options) : options_(options) {}

 protected:
  bool pass(int64_t tick, std::vector<int32_t>& members) const override {
    for (int32_t m = 0; m < workers(); ++m) {
      if (!clock().trains(m, tick)) continue;
      waiting_.insert(m);
      ++count_;
    }
    if (count_ < options_.steps) return false;
    members.assign(waiting_.begin(), waiting_.end());
    waiting_.clear();
    count_ = 0;
    return true;
  }

 private:
  const Options options_;
  mutable std::set<int32_t> waiting_;
  mutable int64_t count_ = 0;
};

}  // namespace

extern const Entry<Group> groups_target;
const Entry<Group> groups_target =
    entry<Group, Target>("target", "a round when all workers together have trained enough");

}  // namespace causeway
