// SPDX-License-Identifier: Apache-2.0
//
// Stochastic gradient descent: a step against the gradient (Robbins and Monro, A stochastic
// approximation method, 1951).
//
//   x <- x (1 - lr wd) - lr g
#include "optim/pass.h"

namespace causeway {
namespace {

class Sgd final : public InnerOptimizer {
 public:
  struct Options : BaseOptions {
    Options() { lr = 0.1; }
  };

  explicit Sgd(const Options& options) : options_(options) {}

  double rate() const override { return options_.lr; }
  bool decays_all() const override { return options_.decay_all; }
  std::vector<std::string> states() const override { return {}; }

  void step(const Update& update, std::span<float> values, std::span<const float> gradients,
            std::span<const std::span<float>> states) const override {
    const Pass pass = begin_pass(update, options_.weight_decay, 0, values, gradients, states);
    elementwise(
        values.size(), [=](float& x, float g) { x = x * pass.keep - pass.rate * (pass.scale * g); },
        values.data(), gradients.data());
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<InnerOptimizer> inner_optimizers_sgd;
const Entry<InnerOptimizer> inner_optimizers_sgd =
    entry<InnerOptimizer, Sgd>("sgd", "Plain stochastic gradient descent; no state.");

}  // namespace causeway
