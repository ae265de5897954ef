// SPDX-License-Identifier: Apache-2.0
//
// AdamW: the mean gradient divided by the root of the mean squared gradient, both corrected for
// their start at zero, with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101,
// Algorithm 2). As torch.optim.AdamW, eps is added after the correction.
//
//   u <- b1 u + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  n = 1 at the first update
//   x <- x (1 - lr wd) - lr / (1 - b1^n) u / (sqrt(v) / sqrt(1 - b2^n) + eps)
#include <cmath>

#include "optim/pass.h"

namespace causeway {
namespace {

class AdamW final : public InnerOptimizer {
 public:
  struct Options : AdaptiveOptions {
    Options() { weight_decay = 0.1; }
  };

  explicit AdamW(const Options& options) : options_(options) {}

  double rate() const override { return options_.lr; }
  bool decays_all() const override { return options_.decay_all; }
  std::vector<std::string> states() const override { return {"u", "v"}; }

  void step(const Update& update, std::span<float> values, std::span<const float> gradients,
            std::span<const std::span<float>> states) const override {
    const Pass pass = begin_pass(update, options_.weight_decay, 2, values, gradients, states);
    const double n = static_cast<double>(update.count + 1);
    const Average first(options_.betas[0]), second(options_.betas[1]);
    const float rate = static_cast<float>(update.rate / (1 - std::pow(options_.betas[0], n)));
    const float root = static_cast<float>(std::sqrt(1 - std::pow(options_.betas[1], n)));
    const float eps = static_cast<float>(options_.eps);
    elementwise(
        values.size(),
        [=](float& x, float gradient, float& u, float& v) {
          const float g = pass.scale * gradient;
          u = first.keep * u + first.add * g;
          v = second.keep * v + second.add * g * g;
          x = x * pass.keep - rate * u / (std::sqrt(v) / root + eps);
        },
        values.data(), gradients.data(), states[0].data(), states[1].data());
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<InnerOptimizer> inner_optimizers_adamw;
const Entry<InnerOptimizer> inner_optimizers_adamw =
    entry<InnerOptimizer, AdamW>("adamw", "Adam with decoupled weight decay; two moments.");

}  // namespace causeway
