// SPDX-License-Identifier: Apache-2.0
// CO2: workers go on from a common start while the mean of where they ended is on its way; it is
// used one round late. Sun and others, "CO2: Efficient Distributed Training with Full
// Communication-Computation Overlap", 2024. At the end of round r, with its start s_r and the mean
// delta of the round before, mean(s_{r-1} - x):
//   m <- momentum m + delta / gap_penalty;  m <- clamp(m, +-limit);  s_{r+1} = s_r - lr m
// and every worker starts there. After the first round nothing has come, and all start where they
// did. The paper makes the penalty depend on the gap; the authors' code, and this, have a constant.
// The channel's delay is its period.
#include <algorithm>

#include "core/elementwise.h"
#include "sync/port.h"

namespace causeway {
namespace {

class Co2 final : public Port {
 public:
  struct Options {
    double lr = 1;
    double momentum = 0.5;
    double gap_penalty = 1;
    double limit = 0;

    template <class Visit>
    void each(Visit&& visit) {
      visit("lr", lr, Range<double>{0, 100}, "", "Outer learning rate.");
      visit("momentum", momentum, Range<double>{0, 1}, "", "Decay of the outer momentum.");
      visit("gap_penalty", gap_penalty, Range<double>{1e-6, 1e6}, "",
            "A late delta is divided by this.");
      visit("limit", limit, Range<double>{0, 1e6}, "",
            "Most magnitude of the outer momentum, value by value; 0: none.");
    }
  };
  explicit Co2(const Options& options) : options_(options) {}

  std::vector<StateSpec> states(int64_t count) const override {
    return {{"start", count, Holder::kReplicated},
            {"outer_m", count, Holder::kReplicated},
            {"delta", count, Holder::kWorker}};
  }
  std::string_view reads() const override { return "x"; }
  bool fits(Hook hook) const override { return hook == Hook::kAfterUpdate; }
  void start(const Region& region, const Replica& replica, States& states) const override {
    replica.read("x", region, states.edit("start"));
  }
  /// Keeps how far the round went; the next one starts from `start` unless a consensus moves it.
  void begin(const Firing&, const Region& region, Replica& replica, States& states) const override {
    const auto delta = states.edit("delta");
    const auto start = states.get("start");
    replica.read("x", region, delta);
    elementwise(delta.size(), [](float& d, float s) { d = s - d; }, delta.data(), start.data());
    replica.write("x", region, start);
  }
  void offer(const Firing&, const Region&, const Replica&, const States& states,
             std::span<float> signal) const override {
    std::ranges::copy(states.get("delta"), signal.begin());
  }
  void apply(const Firing&, const Region& region, std::span<const float> consensus,
             const StatesPart& states, Replica& replica) const override {
    const auto start = states.edit("start");
    elementwise(
        start.size(),
        [decay = static_cast<float>(options_.momentum),
         share = static_cast<float>(1 / options_.gap_penalty),
         rate = static_cast<float>(options_.lr),
         limit = options_.limit > 0
                     ? static_cast<float>(options_.limit)
                     : std::numeric_limits<float>::max()](float& s, float& m, float d) {
          m = std::min(std::max(decay * m + share * d, -limit), limit);
          s -= rate * m;
        },
        start.data(), states.edit("outer_m").data(), consensus.data());
    replica.write("x", region, start);
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Port> ports_co2;
const Entry<Port> ports_co2 =
    entry<Port, Co2>("co2", "moves a common start by the mean delta of the round before");

}  // namespace causeway
