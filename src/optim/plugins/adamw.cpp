// SPDX-License-Identifier: Apache-2.0
//
// AdamW: the mean gradient divided by the root of the mean squared gradient, both corrected for
// their start at zero, with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101,
// Algorithm 2). As torch.optim.AdamW, eps is added after the correction.
//
//   u <- b1 u + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  n = 1 at the first update
//   x <- x (1 - lr wd) - lr / (1 - b1^n) u / (sqrt(v) / sqrt(1 - b2^n) + eps)
#include "optim/adamw.h"

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
    adamw_step(update, options_.betas, options_.eps, options_.weight_decay, values, gradients,
               states);
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<InnerOptimizer> inner_optimizers_adamw;
const Entry<InnerOptimizer> inner_optimizers_adamw =
    entry<InnerOptimizer, AdamW>("adamw", "Adam with decoupled weight decay; two moments.");

}  // namespace causeway
