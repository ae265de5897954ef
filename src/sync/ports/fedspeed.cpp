// SPDX-License-Identifier: Apache-2.0
// FedSpeed's round: Sun and others, "FedSpeed: Larger Local Interval, Less Communication Round,
// and Higher Generalization Accuracy", arXiv:2302.10429, algorithm 1. Each worker has a correction
// c of its own, which the objective `fedspeed` subtracts from its gradient. At a round's end
//   c <- c - (x - anchor) / lambda;  send x - lambda c;  anchor = mean;  x = anchor
#include <algorithm>

#include "codec/finite.h"
#include "core/elementwise.h"
#include "sync/port.h"

namespace causeway {
namespace {

class FedSpeed final : public Port {
 public:
  struct Options {
    double lambda = 10;

    template <class Visit>
    void each(Visit&& visit) {
      visit("lambda", lambda, Range<double>{1e-6, 1e9}, "",
            "Inverse strength of the pull to the anchor: the objective's.");
    }
  };
  explicit FedSpeed(const Options& options) : lambda_(static_cast<float>(options.lambda)) {}

  std::vector<StateSpec> states(int64_t count) const override {
    return {{"anchor", count, Holder::kReplicated}};
  }
  std::string_view reads() const override { return "x"; }
  bool fits(Hook hook) const override { return hook == Hook::kAfterUpdate; }
  void start(const Region& region, const Replica& replica, States& states) const override {
    replica.read("x", region, states.edit("anchor"));
  }
  void begin(const Firing&, const Region& region, Replica& replica, States& states) const override {
    std::vector<float> x(states.get("anchor").size()), c(x.size());
    replica.read("x", region, x);
    if (!all_finite(x)) return;  // it is not sent, and the correction stays
    replica.read("c", region, c);
    elementwise(
        c.size(),
        [inverse = 1 / lambda_](float& own, float here, float anchor) {
          own -= inverse * (here - anchor);
        },
        c.data(), x.data(), states.get("anchor").data());
    replica.write("c", region, c);
  }
  void offer(const Firing&, const Region& region, const Replica& replica, const States&,
             std::span<float> signal) const override {
    std::vector<float> c(signal.size());
    replica.read("c", region, c);
    replica.read("x", region, signal);
    elementwise(
        signal.size(), [lambda = lambda_](float& x, float own) { x -= lambda * own; },
        signal.data(), c.data());
  }
  void apply(const Firing&, const Region& region, std::span<const float> consensus,
             const StatesPart& states, Replica& replica) const override {
    std::ranges::copy(consensus, states.edit("anchor").begin());
    replica.write("x", region, consensus);
  }

 private:
  const float lambda_;
};

}  // namespace

extern const Entry<Port> ports_fedspeed;
const Entry<Port> ports_fedspeed =
    entry<Port, FedSpeed>("fedspeed", "parameters with each worker's correction, averaged");

}  // namespace causeway
