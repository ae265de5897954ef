// SPDX-License-Identifier: Apache-2.0
// A round as soon as `size` stretches of steps have been finished since the last one, by whomever
// (FedBuff's buffer; Nguyen and others, arXiv:2106.06639). With a stretch of one step it is a
// target batch of all workers together (Diskin and others, arXiv:2106.10207).
#include "sync/paced_group.h"

namespace causeway {
namespace {

class Buffer final : public PacedGroup {
 public:
  struct Options {
    int64_t size = 2;
    int64_t stretch = 32;

    template <class Visit>
    void each(Visit&& visit) {
      visit("size", size, Range<int64_t>{1, 65'536}, "", "Stretches that make a round.");
      visit("stretch", stretch, Range<int64_t>{1, 1'000'000'000}, "steps",
            "A worker's own steps in a stretch.");
    }
  };
  explicit Buffer(const Options& options) : options_(options) {}

 protected:
  bool pass(int64_t tick, std::vector<int32_t>& members) const override {
    for (int32_t m = 0; m < workers(); ++m) {
      if (!clock().arrives(m, tick, options_.stretch)) continue;
      waiting_.insert(m);
      ++count_;
    }
    if (count_ < options_.size) return false;
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

extern const Entry<Group> groups_buffer;
const Entry<Group> groups_buffer =
    entry<Group, Buffer>("buffer", "a round when so many stretches of steps are finished");

}  // namespace causeway
