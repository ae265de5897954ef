// SPDX-License-Identifier: Apache-2.0
//
// ADOPT: Adam that divides by the second moment of the steps before, and before it takes the mean,
// so that it converges with any b2 (Taniguchi et al., arXiv:2411.02853, with its clip).
//
//   first update: v <- g^2, nothing else; then n = 1, 2, ...
//   z = clamp(g / max(sqrt(v), eps), -n^(1/4), n^(1/4));  u <- b1 u + (1 - b1) z
//   x <- x (1 - lr wd) - lr u;  v <- b2 v + (1 - b2) g^2
#include "optim/adopt.h"

#include "optim/pass.h"

namespace causeway {
namespace {

class Adopt final : public InnerOptimizer {
 public:
  struct Options : AdaptiveOptions {
    Options() {
      betas = {0.9, 0.9999};
      eps = 1e-6;
    }
  };

  explicit Adopt(const Options& options) : options_(options) {}

  double rate() const override { return options_.lr; }
  bool decays_all() const override { return options_.decay_all; }
  std::vector<std::string> states() const override { return {"u", "v"}; }

  void step(const Update& update, std::span<float> values, std::span<const float> gradients,
            std::span<const std::span<float>> states) const override {
    const Pass pass = begin_pass(update, options_.weight_decay, 2, values, gradients, states);
    if (update.count == 0) return adopt_start(pass.scale, gradients, states[1]);
    const Average first(options_.betas[0]), second(options_.betas[1]);
    const float limit = adopt_limit(update.count);
    const float eps = static_cast<float>(options_.eps);
    elementwise(
        values.size(),
        [=](float& x, float gradient, float& u, float& v) {
          const float g = pass.scale * gradient;
          u = first.keep * u + first.add * adopt_normalised(g, v, eps, limit);
          x = x * pass.keep - pass.rate * u;
          v = second.keep * v + second.add * g * g;
        },
        values.data(), gradients.data(), states[0].data(), states[1].data());
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<InnerOptimizer> inner_optimizers_adopt;
const Entry<InnerOptimizer> inner_optimizers_adopt =
    entry<InnerOptimizer, Adopt>("adopt", "Adam that converges with any beta2; two moments.");

}  // namespace causeway
