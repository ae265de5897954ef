// SPDX-License-Identifier: Apache-2.0
//
// Nesterov momentum on the mean change: DiLoCo's outer optimizer (Douillard et al.,
// arXiv:2311.08105, Algorithm 1), in the form of torch.optim.SGD(nesterov=True). The first round
// moves by lr (1 + mu) delta.
//
//   b <- mu b + delta;  anchor <- anchor - lr (delta + mu b)
#include "sync/outers/pass.h"

namespace causeway {
namespace {

class Nesterov final : public OuterOptimizer {
 public:
  struct Options {
    double lr = 0.7;
    double momentum = 0.9;

    template <class Visit>
    void each(Visit&& visit) {
      visit("lr", lr, kOuterRateRange, "", "Outer learning rate.");
      visit("momentum", momentum, kOuterDecayRange, "", "Decay of the sum of changes.");
    }
  };

  explicit Nesterov(const Options& options) : options_(options) {}

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
          x -= rate * (d + momentum * b);
        },
        anchor.data(), delta.data(), buffers[0].data());
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<OuterOptimizer> outer_optimizers_nesterov;
const Entry<OuterOptimizer> outer_optimizers_nesterov =
    entry<OuterOptimizer, Nesterov>("nesterov", "DiLoCo's: Nesterov momentum on the mean change.");

}  // namespace causeway
