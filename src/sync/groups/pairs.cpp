// SPDX-License-Identifier: Apache-2.0
// Small groups, drawn anew for each round from the seed, each with a consensus of its own (NoLoCo's
// pairs). What does not fill a group joins the last one. Or groups that are listed, in turn.
#include <algorithm>

#include "core/random.h"
#include "sync/port.h"

namespace causeway {
namespace {

class Pairs final : public Group {
 public:
  struct Options {
    int64_t size = 2;
    std::vector<Value> rounds;

    template <class Visit>
    void each(Visit&& visit) {
      visit("size", size, Range<int64_t>{1, 65'536}, "", "Workers of a group.");
      visit("rounds", rounds, Any{}, "",
            "Groups of each round, used in turn: [[[0, 1], [2, 3]], ...]. Left out: drawn.");
    }
    void check(const Location&, Mistakes& mistakes) const {
      for (const Value& round : rounds)
        if (!listed(round))
          mistakes.add(round.where, fmt::format("a round is {}; wanted: groups of workers, as [[0, "
                                                "1], [2, 3]]",
                                                round.text()));
    }
    static bool listed(const Value& round) {
      const auto worker = [](const Value& one) {
        return one.is(Value::Kind::kInteger) && one.integer() >= 0;
      };
      return round.is(Value::Kind::kArray) && !round.array().empty() &&
             std::ranges::all_of(round.array(), [&](const Value& group) {
               return group.is(Value::Kind::kArray) && !group.array().empty() &&
                      std::ranges::all_of(group.array(), worker);
             });
    }
  };
  explicit Pairs(const Options& options) : options_(options) {}

  void bind(const VirtualClock&, int64_t period) override { period_ = period; }
  bool parted() const override { return true; }
  std::vector<int32_t> members(const Gathering& gathering) const override {
    std::vector<int32_t> out;
    for (const auto& part : parts(gathering)) out.insert(out.end(), part.begin(), part.end());
    std::ranges::sort(out);
    return out;
  }
  std::vector<std::vector<int32_t>> parts(const Gathering& gathering) const override {
    if (!options_.rounds.empty()) return listed_parts(gathering);
    const auto workers = static_cast<uint64_t>(gathering.workers);
    const Random random(gathering.seed, Stream::kGroup, 1);
    std::vector<std::vector<int32_t>> out;
    for (uint64_t i = 0; i < workers; ++i) {
      const bool room = workers - i >= static_cast<uint64_t>(options_.size);
      if (out.empty() || (i % static_cast<uint64_t>(options_.size) == 0 && room))
        out.emplace_back();
      out.back().push_back(static_cast<int32_t>(
          random.permute(i, workers, static_cast<uint64_t>(gathering.steps_done))));
    }
    for (auto& part : out) std::ranges::sort(part);
    return out;
  }

 private:
  std::vector<std::vector<int32_t>> listed_parts(const Gathering& gathering) const {
    const int64_t round = std::max<int64_t>(gathering.steps_done / period_ - 1, 0);
    const Value& groups = options_.rounds[static_cast<size_t>(round) % options_.rounds.size()];
    std::vector<std::vector<int32_t>> out;
    std::vector<bool> taken(static_cast<size_t>(gathering.workers));
    for (const Value& group : groups.array()) {
      std::vector<int32_t> part;
      for (const Value& worker : group.array()) {
        if (worker.integer() >= gathering.workers) continue;
        if (taken[static_cast<size_t>(worker.integer())]) continue;
        taken[static_cast<size_t>(worker.integer())] = true;
        part.push_back(static_cast<int32_t>(worker.integer()));
      }
      std::ranges::sort(part);
      if (!part.empty()) out.push_back(std::move(part));
    }
    // Who is in no group of the list is alone.
    for (int32_t m = 0; m < gathering.workers; ++m)
      if (!taken[static_cast<size_t>(m)]) out.push_back({m});
    return out;
  }

  const Options options_;
  int64_t period_ = 1;
};

}  // namespace

extern const Entry<Group> groups_pairs;
const Entry<Group> groups_pairs =
    entry<Group, Pairs>("pairs", "small groups, drawn anew for each round");

}  // namespace causeway
