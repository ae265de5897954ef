// SPDX-License-Identifier: Apache-2.0
// The gradient itself is exchanged, before the clip: data-parallel training.
#include "sync/port.h"

namespace causeway {
namespace {

class Gradient final : public Port {
 public:
  struct Options {
    bool balance = false;

    template <class Visit>
    void each(Visit&& visit) {
      visit("balance", balance, Any{}, "",
            "Divide by the worker's share of the weights, so that their weighted mean is the plain "
            "mean: EF21-W.");
    }
  };
  explicit Gradient(const Options& options) : balance_(options.balance) {}

  std::vector<StateSpec> states(int64_t) const override { return {}; }
  std::string_view reads() const override { return "g"; }
  bool fits(Hook hook) const override { return hook == Hook::kAfterBackward; }
  void start(const Region&, const Replica&, States&) const override {}
  void offer(const Firing& firing, const Region& region, const Replica& replica, const States&,
             std::span<float> signal) const override {
    replica.read("g", region, signal);
    if (!balance_) return;
    const auto scale = static_cast<float>(1 / firing.share);
    for (float& value : signal) value *= scale;
  }
  void apply(const Firing&, const Region& region, std::span<const float> consensus,
             const StatesPart&, Replica& replica) const override {
    replica.write("g", region, consensus);
  }

 private:
  const bool balance_;
};

}  // namespace

extern const Entry<Port> ports_gradient;
const Entry<Port> ports_gradient =
    entry<Port, Gradient>("gradient", "exchanges the gradient before the clip");

}  // namespace causeway
