// SPDX-License-Identifier: Apache-2.0
// Asynchronous deltas: a worker that has finished its stretch of steps hands its delta over and
// goes on from the newest anchor, without waiting; the group says when what was handed over moves
// the anchor. FedBuff (Nguyen and others, "Federated Learning with Buffered Asynchronous
// Aggregation", arXiv:2106.06639): each delta counts 1 / sqrt(1 + age), age in rounds since its
// start. FedFix (Fraboni and others, "A General Theory for Federated Optimization with
// Asynchronous and Heterogeneous Clients Updates", 2023): no discount by age, but each worker
// counts the inverse of how often it takes part.
// What a worker has handed over waits as a sum, so that several stretches in one round all count.
#include <algorithm>
#include <cmath>

#include "codec/finite.h"
#include "core/elementwise.h"
#include "sync/port.h"
#include "sync/ports/outer_buffers.h"

namespace causeway {
namespace {

/// What a weight of 1 counts in an offer: weights are whole numbers.
constexpr double kWeightUnit = 1 << 20;

class Buffered final : public Port {
 public:
  struct Options {
    Plugin optimizer{"sgd", {}};
    int64_t stretch = 32;
    double age_power = 0.5;
    int64_t window = 0;

    template <class Visit>
    void each(Visit&& visit) {
      visit("optimizer", optimizer, Required{}, "", "Outer optimizer.");
      visit("stretch", stretch, Range<int64_t>{1, 1'000'000'000}, "steps",
            "A worker's own steps between two deltas.");
      visit("age_power", age_power, Range<double>{0, 2}, "",
            "A delta counts (1 + age) to the power of minus this; 0: whatever its age.");
      visit("window", window, Range<int64_t>{0, 1'000'000'000}, "steps",
            "If above 0: a worker counts the inverse of the part of such windows in which it "
            "finishes a stretch.");
    }
    void check(const Location&, Mistakes& mistakes) const {
      make_plugin(outer_optimizers(), "outer optimizer", optimizer, mistakes);
    }
  };
  explicit Buffered(const Options& options) : options_(options), outer_(options.optimizer) {}

  std::string bind(const ChannelPlace& place) override {
    clock_ = &place.clock;
    return {};
  }
  std::vector<StateSpec> states(int64_t count) const override {
    std::vector<StateSpec> out{{"anchor", count, Holder::kReplicated},
                               {"base", count, Holder::kWorker},
                               {"pending", count, Holder::kWorker},
                               {"tally", kTally, Holder::kWorker}};
    outer_.declare(count, Holder::kReplicated, out);
    return out;
  }
  std::string_view reads() const override { return "x"; }
  bool fits(Hook hook) const override { return hook == Hook::kAfterUpdate; }
  bool follows() const override { return false; }
  bool whole() const override { return true; }
  bool watches() const override { return true; }
  void start(const Region& region, const Replica& replica, States& states) const override {
    replica.read("x", region, states.edit("anchor"));
    if (states.entries().contains("base")) replica.read("x", region, states.edit("base"));
  }
  void begin(const Firing& firing, const Region& region, Replica& replica,
             States& states) const override {
    const auto tally = states.edit("tally");
    tally[kAtEdge] = 0;
    if (!clock_->arrives(firing.worker, firing.step, options_.stretch)) return;
    tally[kAtEdge] = 1;
    const float share = counts(firing, age_since(tally[kBaseVersion], firing.version));
    // What is not finite was not sent, and never will be.
    if (!all_finite(states.get("pending"))) {
      std::ranges::fill(states.edit("pending"), 0.0F);
      tally[kShare] = 0;
    }
    std::vector<float> x(states.get("base").size());
    replica.read("x", region, x);
    elementwise(
        x.size(), [=](float& sum, float base, float own) { sum += share * (base - own); },
        states.edit("pending").data(), states.get("base").data(), x.data());
    tally[kShare] += share;
    fetch(firing.version, region, StatesPart(states), replica);
  }
  void offer(const Firing&, const Region&, const Replica&, const States& states,
             std::span<float> signal) const override {
    const float share = states.get("tally")[kShare];
    const auto pending = states.get("pending");
    for (size_t i = 0; i < signal.size(); ++i) signal[i] = share > 0 ? pending[i] / share : 0.0F;
  }
  int64_t weight(const States& states, int64_t) const override {
    const double share = states.get("tally")[kShare];
    return std::clamp<int64_t>(std::llround(share * kWeightUnit), 1, (int64_t{1} << 29) - 1);
  }
  void apply(const Firing& firing, const Region& region, std::span<const float> consensus,
             const StatesPart& states, Replica& replica) const override {
    outer_.step(firing.version + 1, consensus, states.edit("anchor"), states);
    if (!states.has("tally")) return;
    const auto tally = states.edit("tally");
    if (firing.folded) {
      std::ranges::fill(states.edit("pending"), 0.0F);
      tally[kShare] = 0;
    }
    // Who has just fetched the anchor takes what became of it.
    if (tally[kAtEdge] != 0) fetch(firing.version + 1, region, states, replica);
  }

 private:
  /// Values of the state `tally`.
  enum Tally : size_t { kShare, kBaseVersion, kAtEdge, kTally };

  /// In rounds; 0 if the state, which may be of a hostile snapshot, is no version so far.
  static double age_since(double base, int64_t version) {
    const auto now = static_cast<double>(version);
    return base >= 0 && base <= now ? now - base : 0;
  }
  float counts(const Firing& firing, double age) const {
    const double old = 1 + age;
    double out = std::pow(old, -options_.age_power);
    if (options_.window > 0) out /= participation(firing.worker);
    return static_cast<float>(out);
  }
  /// The part of windows in which a worker finishes a stretch, seen over a thousand of them.
  double participation(int32_t worker) const {
    constexpr int64_t kWindows = 1000;
    int64_t with = 0;
    for (int64_t i = 0; i < kWindows; ++i) {
      const auto done = [&](int64_t ticks) {
        return clock_->steps(worker, ticks) / options_.stretch;
      };
      with += done((i + 1) * options_.window) > done(i * options_.window) ? 1 : 0;
    }
    return std::max<double>(1, static_cast<double>(with)) / kWindows;
  }
  static void fetch(int64_t version, const Region& region, const StatesPart& states,
                    Replica& replica) {
    const auto anchor = states.edit("anchor");
    std::ranges::copy(anchor, states.edit("base").begin());
    states.edit("tally")[kBaseVersion] = static_cast<float>(version);
    replica.write("x", region, anchor);
  }

  const Options options_;
  const OuterBuffers outer_;
  const VirtualClock* clock_ = nullptr;
};

}  // namespace

extern const Entry<Port> ports_buffered;
const Entry<Port> ports_buffered =
    entry<Port, Buffered>("buffered", "deltas handed over when a worker is ready; nobody waits");

}  // namespace causeway
