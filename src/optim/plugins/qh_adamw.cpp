// SPDX-License-Identifier: Apache-2.0
//
// Quasi-hyperbolic AdamW: Adam's step with a mix of the gradient and of several first moments, slow
// ones among them, in place of one (MT-DAO; QHAdam of Ma and Yarats, arXiv:1810.06801, section 4).
//
//   v <- b2 v + (1 - b2) g^2;  u_j and d as in quasi_hyperbolic.h with z = g
//   x <- x (1 - lr wd) - lr d / (sqrt(v) + eps)
//
// MT-DAO's equation has no bias correction. Its authors' code divides u_j by 1 - b_j^n and v by
// 1 - b2^n, but does not scale g to match; that is bias_correction = true.
#include <cmath>

#include "optim/quasi_hyperbolic.h"

namespace causeway {
namespace {

class QhAdamW final : public InnerOptimizer {
 public:
  struct Options : QuasiHyperbolicOptions {
    bool bias_correction = true;

    template <class Visit>
    void each(Visit&& visit) {
      QuasiHyperbolicOptions::each(visit);
      visit("bias_correction", bias_correction, Any{}, "",
            "Corrects the moments, not the gradient, for their start at zero.");
    }
  };

  explicit QhAdamW(const Options& options) : options_(options) {}

  double rate() const override { return options_.lr; }
  bool decays_all() const override { return options_.decay_all; }
  std::vector<std::string> states() const override { return options_.states(); }

  void step(const Update& update, std::span<float> values, std::span<const float> gradients,
            std::span<const std::span<float>> states) const override {
    const size_t moment_count = options_.betas.size();
    const Pass pass =
        begin_pass(update, options_.weight_decay, moment_count + 1, values, gradients, states);
    const double n = static_cast<double>(update.count + 1);
    const Moments moments(options_, options_.bias_correction, n);
    const Average second(options_.beta2);
    const double part = options_.bias_correction ? 1 - std::pow(options_.beta2, n) : 1;
    const float root = static_cast<float>(std::sqrt(part));
    const float eps = static_cast<float>(options_.eps);
    float* const seconds = states[moment_count].data();

    Moments::Block scaled{}, mixed{};
    Moments::in_blocks(values.size(), [&](size_t start, size_t count) {
      elementwise(
          count,
          [=](float& g, float gradient, float& v) {
            g = pass.scale * gradient;
            v = second.keep * v + second.add * g * g;
          },
          scaled.data(), gradients.data() + start, seconds + start);
      moments.mix(start, count, scaled, states, mixed);
      elementwise(
          count,
          [=](float& x, float d, float v) {
            x = x * pass.keep - pass.rate * d / (std::sqrt(v) / root + eps);
          },
          values.data() + start, mixed.data(), seconds + start);
    });
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<InnerOptimizer> inner_optimizers_qh_adamw;
const Entry<InnerOptimizer> inner_optimizers_qh_adamw = entry<InnerOptimizer, QhAdamW>(
    "qh_adamw", "AdamW with several first moments and the gradient mixed (MT-DAO).");

}  // namespace causeway
