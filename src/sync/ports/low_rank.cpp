// SPDX-License-Identifier: Apache-2.0
// A low-rank state of the inner optimizer is replaced by its consensus. Of a matrix [p, q] only the
// first rank x q values of its place are there, and are sent; other tensors go whole.
#include <algorithm>

#include "sync/port.h"

namespace causeway {
namespace {

class LowRank final : public Port {
 public:
  struct Options {
    std::string state = "u";
    int64_t rank = 8;

    template <class Visit>
    void each(Visit&& visit) {
      visit("state", state, Required{}, "", "State of the replica.");
      visit("rank", rank, Range<int64_t>{1, 4096}, "", "Rows that a matrix's state has.");
    }
  };
  explicit LowRank(const Options& options) : options_(options) {}

  std::string bind(const ChannelPlace& place) override {
    int64_t begin = 0;
    for (const TensorCut& cut : tensor_cuts(place.layout, place.region)) {
      const int64_t used = cut.matrix()
                               ? std::min({options_.rank, cut.rows(), cut.columns}) * cut.columns
                               : cut.count;
      cuts_.push_back({used, cut.columns});
      const Region part = place.region.part(begin, used);
      used_.spans.insert(used_.spans.end(), part.spans.begin(), part.spans.end());
      begin += cut.count;
    }
    return {};
  }
  std::vector<TensorCut> signal(const ChannelPlace&, int32_t) const override { return cuts_; }
  std::vector<StateSpec> states(int64_t) const override { return {}; }
  std::string_view reads() const override { return options_.state; }
  bool fits(Hook hook) const override { return hook != Hook::kAfterBackward; }
  bool whole() const override { return true; }
  void start(const Region&, const Replica&, States&) const override {}
  void offer(const Firing&, const Region&, const Replica& replica, const States&,
             std::span<float> signal) const override {
    replica.read(options_.state, used_, signal);
  }
  void apply(const Firing&, const Region&, std::span<const float> consensus, const StatesPart&,
             Replica& replica) const override {
    replica.write(options_.state, used_, consensus);
  }

 private:
  const Options options_;
  std::vector<TensorCut> cuts_;
  Region used_;
};

}  // namespace

extern const Entry<Port> ports_low_rank;
const Entry<Port> ports_low_rank =
    entry<Port, LowRank>("low_rank", "replaces a low-rank state by its consensus");

}  // namespace causeway
