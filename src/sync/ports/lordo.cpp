// SPDX-License-Identifier: Apache-2.0
// LoRDO's parameters: they are averaged, and what they moved by gives the inner optimizer `lordo` a
// new basis for its low-rank moments (algorithms of the paper read once: see optim/plugins/lordo):
//   D = mean(x) - anchor;  x = anchor = anchor + D
//   of each matrix: Q' = the left singular vectors of D; u, v turn into the basis Q'
// Each member computes Q' for itself, with + - * / and square roots alone.
#include <algorithm>

#include "core/elementwise.h"
#include "core/low_rank.h"
#include "sync/port.h"

namespace causeway {
namespace {

class Lordo final : public Port {
 public:
  struct Options {
    int64_t rank = 8;
    std::vector<double> betas{0.9, 0.99};
    bool bias_correction = false;
    bool refresh = true;

    template <class Visit>
    void each(Visit&& visit) {
      visit("rank", rank, Range<int64_t>{1, 4096}, "", "Columns of the basis: the optimizer's.");
      visit("betas", betas, Range<double>{0, 1}, "", "Decays of the moments: the optimizer's.");
      visit("bias_correction", bias_correction, Any{}, "", "The optimizer's.");
      visit("refresh", refresh, Any{}, "", "Take a new basis in each round.");
    }
    void check(const Location& where, Mistakes& mistakes) const {
      if (betas.size() != 2)
        mistakes.add(where, fmt::format("`betas` has {} numbers; wanted: 2", betas.size()));
    }
  };
  explicit Lordo(const Options& options) : options_(options) {}

  std::string bind(const ChannelPlace& place) override {
    int64_t begin = 0;
    for (const TensorCut& cut : tensor_cuts(place.layout, place.region)) {
      const int64_t rows = cut.rows();
      if (cut.matrix())
        matrices_.push_back({begin, rows, cut.columns, std::min({options_.rank, rows, cut.columns}),
                             place.region.part(begin, cut.count)});
      begin += cut.count;
    }
    return {};
  }
  std::vector<StateSpec> states(int64_t count) const override {
    return {{"anchor", count, Holder::kReplicated}};
  }
  std::string_view reads() const override { return "x"; }
  bool fits(Hook hook) const override { return hook == Hook::kAfterUpdate; }
  bool follows() const override { return false; }
  bool whole() const override { return true; }
  void start(const Region& region, const Replica& replica, States& states) const override {
    replica.read("x", region, states.edit("anchor"));
  }
  void offer(const Firing&, const Region& region, const Replica& replica, const States& states,
             std::span<float> signal) const override {
    replica.read("x", region, signal);
    elementwise(
        signal.size(), [](float& x, float a) { x -= a; }, signal.data(),
        states.get("anchor").data());
  }
  void apply(const Firing& firing, const Region& region, std::span<const float> consensus,
             const StatesPart& states, Replica& replica) const override {
    const auto anchor = states.edit("anchor");
    elementwise(anchor.size(), [](float& a, float d) { a += d; }, anchor.data(), consensus.data());
    replica.write("x", region, anchor);
    if (firing.worker < 0 || !options_.refresh) return;
    const auto correction =
        options_.bias_correction
            ? MomentCorrection::after(firing.step, options_.betas[0], options_.betas[1])
            : MomentCorrection{};
    for (const Piece& t : matrices_) refresh(t, consensus, correction, replica);
  }

 private:
  struct Piece {
    int64_t begin, rows, columns, rank;
    Region region;
  };

  static void refresh(const Piece& t, std::span<const float> delta,
                      const MomentCorrection& correction, Replica& replica) {
    const auto count = static_cast<size_t>(t.rows * t.columns);
    std::vector<float> q(count), u(count), v(count);
    replica.read("q", t.region, q);
    replica.read("u", t.region, u);
    replica.read("v", t.region, v);
    const MatrixView change(delta.subspan(static_cast<size_t>(t.begin), count), t.rows, t.columns);
    if (!refresh_basis(change, t.rank, correction, q, u, v)) return;
    replica.write("q", t.region, q);
    replica.write("u", t.region, u);
    replica.write("v", t.region, v);
  }

  const Options options_;
  std::vector<Piece> matrices_;
};

}  // namespace

extern const Entry<Port> ports_lordo;
const Entry<Port> ports_lordo =
    entry<Port, Lordo>("lordo", "averages parameters and turns the inner optimizer's basis");

}  // namespace causeway
