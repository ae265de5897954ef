// SPDX-License-Identifier: Apache-2.0
// The pseudo-gradient anchor - x is exchanged; an outer optimizer moves the anchor by the consensus
// and x starts again from there: FedOpt (Reddi and others 2021), DiLoCo (Douillard and others
// 2023), Photon. With a mix, x keeps a part of what the worker trained meanwhile:
// x <- mix x + (1 - mix) anchor, Streaming DiLoCo (Douillard and others, arXiv:2501.18512).
#include "core/elementwise.h"
#include "core/memory.h"
#include "sync/port.h"
#include "sync/ports/outer_buffers.h"

namespace causeway {
namespace {

class Outer final : public Port {
 public:
  struct Options {
    Plugin optimizer{"nesterov", {}};
    double mix = 0;

    template <class Visit>
    void each(Visit&& visit) {
      visit("optimizer", optimizer, Required{}, "", "Outer optimizer.");
      visit("mix", mix, Range<double>{0, 1}, "",
            "Part of the worker's own x that stays when the anchor comes; 0: none.");
    }
    void check(const Location&, Mistakes& mistakes) const {
      make_plugin(outer_optimizers(), "outer optimizer", optimizer, mistakes);
    }
  };
  explicit Outer(const Options& options) : mix_(options.mix), outer_(options.optimizer) {}

  std::vector<StateSpec> states(int64_t count) const override {
    std::vector<StateSpec> out{{"anchor", count, Holder::kReplicated}};
    outer_.declare(count, Holder::kReplicated, out);
    return out;
  }
  std::string_view reads() const override { return "x"; }
  bool fits(Hook hook) const override { return hook != Hook::kAfterBackward; }
  void start(const Region& region, const Replica& replica, States& states) const override {
    replica.read("x", region, states.edit("anchor"));
  }
  void offer(const Firing&, const Region& region, const Replica& replica, const States& states,
             std::span<float> signal) const override {
    replica.read("x", region, signal);
    const auto anchor = states.get("anchor");
    for (size_t i = 0; i < signal.size(); ++i) signal[i] = anchor[i] - signal[i];
  }
  void apply(const Firing& firing, const Region& region, std::span<const float> consensus,
             const StatesPart& states, Replica& replica) const override {
    const auto anchor = states.edit("anchor");
    outer_.step(firing.version + 1, consensus, anchor, states);
    if (mix_ == 0) return replica.write("x", region, anchor);
    auto x = large_zeros<float>(anchor.size());
    replica.read("x", region, x);
    elementwise(
        x.size(),
        [keep = static_cast<float>(mix_), take = static_cast<float>(1 - mix_)](
            float& own, float& shared) { own = keep * own + take * shared; },
        x.data(), anchor.data());
    replica.write("x", region, x);
  }

 private:
  const double mix_;
  const OuterBuffers outer_;
};

}  // namespace

extern const Entry<Port> ports_outer;
const Entry<Port> ports_outer =
    entry<Port, Outer>("outer", "moves a shared anchor by an outer optimizer");

}  // namespace causeway
