// SPDX-License-Identifier: Apache-2.0
// Gradients are summed until all workers together have a target batch; then their mean is one
// update of everybody (hivemind's collaborative optimizer; Diskin and others, "Distributed Deep
// Learning in Open Collaborations", arXiv:2106.10207). The group says when that is. With a delay
// of d steps the update uses what was summed up to d steps ago, while the sum goes on.
#include <algorithm>
#include <cmath>

#include "aggregate/rule.h"
#include "core/elementwise.h"
#include "sync/port.h"

namespace causeway {
namespace {

class Accumulate final : public Port {
 public:
  using Options = NoOptions;
  explicit Accumulate(const Options&) {}

  std::vector<StateSpec> states(int64_t count) const override {
    return {{"sum", count, Holder::kWorker},
            {"steps", 1, Holder::kWorker},
            {"launched", count, Holder::kWorker},
            {"launched_steps", 1, Holder::kWorker}};
  }
  std::string_view reads() const override { return "g"; }
  bool fits(Hook hook) const override { return hook == Hook::kAfterBackward; }
  bool holds_updates() const override { return true; }
  bool watches() const override { return true; }
  void start(const Region&, const Replica&, States&) const override {}
  void begin(const Firing& firing, const Region& region, Replica& replica,
             States& states) const override {
    const auto sum = states.edit("sum");
    float& steps = states.edit("steps").front();
    if (firing.trained) {
      std::vector<float> gradient(sum.size());
      replica.read("g", region, gradient);
      elementwise(sum.size(), [](float& s, float g) { s += g; }, sum.data(), gradient.data());
      ++steps;
    }
    if (!firing.fires) return;
    const auto launched = states.edit("launched");
    std::ranges::copy(sum, launched.begin());
    states.edit("launched_steps").front() = steps;
    std::ranges::fill(sum, 0.0F);
    steps = 0;
  }
  void offer(const Firing&, const Region&, const Replica&, const States& states,
             std::span<float> signal) const override {
    const float steps = states.get("launched_steps").front();
    const auto launched = states.get("launched");
    for (size_t i = 0; i < signal.size(); ++i) signal[i] = launched[i] / std::max(steps, 1.0F);
  }
  /// Samples: the steps behind the mean.
  int64_t weight(const States& states, int64_t) const override {
    const auto steps = std::llround(states.get("launched_steps").front());
    return std::clamp<int64_t>(steps, 1, kWeightMax);
  }
  void apply(const Firing&, const Region& region, std::span<const float> consensus,
             const StatesPart&, Replica& replica) const override {
    replica.write("g", region, consensus);
  }
};

}  // namespace

extern const Entry<Port> ports_accumulate;
const Entry<Port> ports_accumulate = entry<Port, Accumulate>(
    "accumulate", "sums gradients until all workers have a target batch, then updates once");

}  // namespace causeway
