// SPDX-License-Identifier: Apache-2.0
// Eager updates: a worker does not wait for the others' delta of this round, but takes its own
// share of it at once, with the mean of the round before (Kale and others, "Eager Updates For
// Overlapped Communication and Computation in DiLoCo", arXiv:2502.12996):
//   d = mean(last) + (delta_m - last_m) / M,  delta_m = anchor_m - x_m
// goes through the worker's own outer optimizer, then x_m = anchor_m and last_m = delta_m. Anchors
// and outer states differ between workers. Before the first round all `last` are zero, so that the
// first update is delta_m / M. The channel's delay is its period. Who was left out of the mean has
// no share in it: the mean stands for its `last`.
#include <algorithm>

#include "codec/finite.h"
#include "core/elementwise.h"
#include "sync/port.h"
#include "sync/ports/outer_buffers.h"

namespace causeway {
namespace {

class Eager final : public Port {
 public:
  struct Options {
    Plugin optimizer{"nesterov", {}};

    template <class Visit>
    void each(Visit&& visit) {
      visit("optimizer", optimizer, Required{}, "", "Outer optimizer, one for each worker.");
    }
    void check(const Location&, Mistakes& mistakes) const {
      make_plugin(outer_optimizers(), "outer optimizer", optimizer, mistakes);
    }
  };
  explicit Eager(const Options& options) : outer_(options.optimizer) {}

  std::vector<StateSpec> states(int64_t count) const override {
    std::vector<StateSpec> out{{"anchor", count, Holder::kWorker},
                               {"delta", count, Holder::kWorker},
                               {"last_delta", count, Holder::kWorker},
                               {"began", 1, Holder::kWorker}};
    outer_.declare(count, Holder::kWorker, out);
    return out;
  }
  std::string_view reads() const override { return "x"; }
  bool fits(Hook hook) const override { return hook == Hook::kAfterUpdate; }
  bool follows() const override { return false; }
  bool whole() const override { return true; }
  void start(const Region& region, const Replica& replica, States& states) const override {
    if (states.entries().contains("anchor")) replica.read("x", region, states.edit("anchor"));
  }
  void begin(const Firing& firing, const Region& region, Replica& replica,
             States& states) const override {
    const auto delta = states.edit("delta");
    // Sent in the round that arrives here, also if the one before it was aborted.
    std::ranges::copy(delta, states.edit("last_delta").begin());
    replica.read("x", region, delta);
    elementwise(
        delta.size(), [](float& d, float a) { d = a - d; }, delta.data(),
        states.get("anchor").data());
    float& began = states.edit("began").front();
    if (began == 0) {
      const std::vector<float> nothing(delta.size());
      update(firing, nothing, region, StatesPart(states), replica);
    }
    began = 1;
  }
  void offer(const Firing&, const Region&, const Replica&, const States& states,
             std::span<float> signal) const override {
    std::ranges::copy(states.get("delta"), signal.begin());
  }
  void apply(const Firing& firing, const Region& region, std::span<const float> consensus,
             const StatesPart& states, Replica& replica) const override {
    if (states.has("anchor")) update(firing, consensus, region, states, replica);
  }

 private:
  void update(const Firing& firing, std::span<const float> stale, const Region& region,
              const StatesPart& states, Replica& replica) const {
    const auto delta = states.edit("delta"), last = states.edit("last_delta");
    const auto anchor = states.edit("anchor");
    // `last` becomes the step, then the delta.
    const bool finite = all_finite(delta);
    if (!firing.folded || !finite) std::ranges::copy(stale, last.begin());
    if (finite)
      elementwise(
          last.size(),
          [share = 1 / static_cast<float>(firing.workers)](float& l, float s, float d) {
            l = s + (d - l) * share;
          },
          last.data(), stale.data(), delta.data());
    outer_.step(firing.version + 1, last, anchor, states);
    std::ranges::copy(delta, last.begin());
    replica.write("x", region, anchor);
  }

  const OuterBuffers outer_;
};

}  // namespace

extern const Entry<Port> ports_eager;
const Entry<Port> ports_eager =
    entry<Port, Eager>("eager", "own delta at once, that of the others one round late");

}  // namespace causeway
