// SPDX-License-Identifier: Apache-2.0
//
// FedAvgM: the anchor moves along a decaying sum of mean changes (Hsu et al., arXiv:1909.06335).
//
//   b <- mu b + delta;  anchor <- anchor - lr b
#include "sync/outers/pass.h"

namespace causeway {
namespace {

class Momentum final : public OuterOptimizer {
 public:
  struct Options {
    double lr = 1;
    double momentum = 0.9;

    template <class Visit>
    void each(Visit&& visit) {
      visit("lr", lr, kOuterRateRange, "", "Outer learning rate.");
      visit("momentum", momentum, kOuterDecayRange, "", "Decay of the sum of changes.");
    }
  };

  explicit Momentum(const Options& options) : options_(options) {}

  std::vector<std::string_view> buffers() const override { return {"b"}; }

  void step(int64_t round, std::span<const float> delta, std::span<float> anchor,
            std::span<const std::span<float>> buffers) const override {
    check_outer_pass(round, 1, delta, anchor, buffers);
    const float rate = static_cast<float>(options_.lr);
    const float momentum = static_cast<float>(options_.momentum);
    elementwise(
        anchor.size(),
        [=](float& x, float d, float& b) {
          b = momentum * b + d;
          x -= rate * b;
        },
        anchor.data(), delta.data(), buffers[0].data());
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<OuterOptimizer> outer_optimizers_momentum;
const Entry<OuterOptimizer> outer_optimizers_momentum =
    entry<OuterOptimizer, Momentum>("momentum", "FedAvgM: heavy ball on the mean change.");

}  // namespace causeway
