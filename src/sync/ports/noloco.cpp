// SPDX-License-Identifier: Apache-2.0
// NoLoCo: no global mean; in each round small groups mix their anchors and deltas. Kolehmainen and
// others, "NoLoCo: No-all-reduce Low Communication Training Method for Large Models", 2025:
//   d <- alpha d + beta mean(x - anchor) + gamma (mean(anchor) - anchor);  anchor += d;  x = anchor
// with means over the group. The signal is x - anchor, then the anchor.
#include <algorithm>

#include "core/elementwise.h"
#include "sync/port.h"

namespace causeway {
namespace {

class NoLoCo final : public Port {
 public:
  struct Options {
    double alpha = 0.5;
    double beta = 0.7;
    double gamma = 0.7;

    template <class Visit>
    void each(Visit&& visit) {
      visit("alpha", alpha, Range<double>{0, 1}, "", "Decay of the momentum.");
      visit("beta", beta, Range<double>{0, 10}, "", "Share of the group's mean change.");
      visit("gamma", gamma, Range<double>{0, 10}, "", "Pull to the group's mean anchor.");
    }
  };
  explicit NoLoCo(const Options& options) : options_(options) {}

  std::vector<TensorCut> signal(const ChannelPlace& place, int32_t) const override {
    auto out = tensor_cuts(place.layout, place.region);
    const size_t tensors = out.size();
    for (size_t i = 0; i < tensors; ++i) out.push_back(out[i]);
    return out;
  }
  std::vector<StateSpec> states(int64_t count) const override {
    return {{"anchor", count, Holder::kWorker}, {"noloco_d", count, Holder::kWorker}};
  }
  std::string_view reads() const override { return "x"; }
  bool fits(Hook hook) const override { return hook != Hook::kAfterBackward; }
  bool follows() const override { return false; }
  bool whole() const override { return true; }
  void start(const Region& region, const Replica& replica, States& states) const override {
    if (states.entries().contains("anchor")) replica.read("x", region, states.edit("anchor"));
  }
  void offer(const Firing&, const Region& region, const Replica& replica, const States& states,
             std::span<float> signal) const override {
    const auto anchor = states.get("anchor");
    const auto change = signal.first(anchor.size());
    replica.read("x", region, change);
    elementwise(change.size(), [](float& x, float a) { x -= a; }, change.data(), anchor.data());
    std::ranges::copy(anchor, signal.begin() + std::ssize(anchor));
  }
  void apply(const Firing&, const Region& region, std::span<const float> consensus,
             const StatesPart& states, Replica& replica) const override {
    if (!states.has("anchor")) return;
    const auto anchor = states.edit("anchor");
    elementwise(
        anchor.size(),
        [alpha = static_cast<float>(options_.alpha), beta = static_cast<float>(options_.beta),
         gamma = static_cast<float>(options_.gamma)](float& a, float& d, float move, float centre) {
          d = alpha * d + beta * move + gamma * (centre - a);
          a += d;
        },
        anchor.data(), states.edit("noloco_d").data(), consensus.data(),
        consensus.data() + anchor.size());
    replica.write("x", region, anchor);
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Port> ports_noloco;
const Entry<Port> ports_noloco =
    entry<Port, NoLoCo>("noloco", "mixes anchors and deltas in small groups");

}  // namespace causeway
