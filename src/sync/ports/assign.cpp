// SPDX-License-Identifier: Apache-2.0
// A state is replaced by its consensus: FedAvg and Local SGD for x (McMahan and others 2017), Local
// Adam and DES-LOC for moments.
#include "sync/port.h"

namespace causeway {
namespace {

class Assign final : public Port {
 public:
  struct Options {
    std::string state = "x";
    std::string to;
    bool reset_inner = false;
    int64_t stages = 1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("state", state, Required{}, "",
            "State of the replica: x parameters, u (u1, u2) first moments, v second, b momentum.");
      visit("to", to, Any{}, "", "State that is replaced; empty: the one that is sent.");
      visit("reset_inner", reset_inner, Any{}, "",
            "Also set the inner optimizer's states and step count to zero.");
      visit("stages", stages, Range<int64_t>{1, 16}, "",
            "Exchanges in a firing, each of the result of the one before: with a group of several "
            "parts.");
    }
  };
  explicit Assign(const Options& options) : options_(options) {
    if (options_.to.empty()) options_.to = options_.state;
  }

  int32_t stages() const override { return static_cast<int32_t>(options_.stages); }

  std::vector<StateSpec> states(int64_t) const override { return {}; }
  std::string_view reads() const override { return options_.state; }
  bool fits(Hook hook) const override { return hook != Hook::kAfterBackward; }
  bool follows() const override { return options_.to == options_.state; }
  void start(const Region&, const Replica&, States&) const override {}
  void offer(const Firing&, const Region& region, const Replica& replica, const States&,
             std::span<float> signal) const override {
    replica.read(options_.state, region, signal);
  }
  void apply(const Firing&, const Region& region, std::span<const float> consensus,
             const StatesPart&, Replica& replica) const override {
    replica.write(options_.to, region, consensus);
  }
  void applied(Replica& replica) const override {
    if (options_.reset_inner) replica.reset_optimizer();
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<Port> ports_assign;
const Entry<Port> ports_assign = entry<Port, Assign>("assign", "replaces a state by its consensus");

}  // namespace causeway
