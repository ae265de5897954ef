// SPDX-License-Identifier: Apache-2.0
//
// Heavy ball: steps along a decaying sum of gradients (Polyak, Some methods of speeding up the
// convergence of iteration methods, 1964), as torch.optim.SGD without dampening, but with decoupled
// weight decay.
//
//   b <- mu b + g;  x <- x (1 - lr wd) - lr b
#include "optim/pass.h"

namespace causeway {
namespace {

class SgdMomentum final : public InnerOptimizer {
 public:
  struct Options : BaseOptions {
    Options() { lr = 0.1; }
    double momentum = 0.9;

    template <class Visit>
    void each(Visit&& visit) {
      BaseOptions::each(visit);
      visit("momentum", momentum, kDecayRange, "", "Decay of the sum of gradients.");
    }
  };

  explicit SgdMomentum(const Options& options) : options_(options) {}

  double rate() const override { return options_.lr; }
  bool decays_all() const override { return options_.decay_all; }
  std::vector<std::string> states() const override { return {"b"}; }

  void step(const Update& update, std::span<float> values, std::span<const float> gradients,
            std::span<const std::span<float>> states) const override {
    const Pass pass = begin_pass(update, options_.weight_decay, 1, values, gradients, states);
    const float momentum = static_cast<float>(options_.momentum);
    elementwise(
        values.size(),
        [=](float& x, float g, float& b) {
          b = momentum * b + pass.scale * g;
          x = x * pass.keep - pass.rate * b;
        },
        values.data(), gradients.data(), states[0].data());
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<InnerOptimizer> inner_optimizers_sgd_momentum;
const Entry<InnerOptimizer> inner_optimizers_sgd_momentum =
    entry<InnerOptimizer, SgdMomentum>("sgd_momentum", "Heavy ball; one momentum buffer.");

}  // namespace causeway
