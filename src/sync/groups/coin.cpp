// SPDX-License-Identifier: Apache-2.0
// Workers whose coin of the round fell on one side (FedAMD's anchors and miners; Wu and others,
// arXiv:2206.05891). A round of which nobody is, is passed over.
#include "core/coin.h"

#include "sync/port.h"

namespace causeway {
namespace {

class Coin final : public Group {
 public:
  struct Options {
    double probability = 0.5;
    bool anchors = true;

    template <class Visit>
    void each(Visit&& visit) {
      visit("probability", probability, Range<double>{0, 1}, "", "Of being an anchor.");
      visit("anchors", anchors, Any{}, "", "The anchors; else all others.");
    }
  };
  explicit Coin(const Options& options) : options_(options) {}

  void bind(const VirtualClock& clock, int64_t period) override {
    period_ = period;
    workers_ = clock.workers();
  }
  void seed(uint64_t run_seed) override { seed_ = run_seed; }
  bool paces() const override { return true; }
  int64_t least_gap() const override { return period_; }
  bool fires(int64_t steps_done) const override {
    return !members({steps_done, 0, workers_, seed_}).empty();
  }
  std::vector<int32_t> members(const Gathering& gathering) const override {
    const int64_t round = std::max<int64_t>(gathering.steps_done - 1, 0) / period_;
    std::vector<int32_t> out;
    for (int32_t m = 0; m < gathering.workers; ++m)
      if (is_anchor(gathering.seed, round, m, options_.probability) == options_.anchors)
        out.push_back(m);
    return out;
  }

 private:
  const Options options_;
  int64_t period_ = 1;
  int32_t workers_ = 1;
  uint64_t seed_ = 0;
};

}  // namespace

extern const Entry<Group> groups_coin;
const Entry<Group> groups_coin =
    entry<Group, Coin>("coin", "workers whose coin of the round fell on one side");

}  // namespace causeway
