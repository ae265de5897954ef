// SPDX-License-Identifier: Apache-2.0
//
// FedAdam: Adam's step with the mean change as gradient (Reddi et al., arXiv:2003.00295,
// Algorithm 2). The paper has no bias correction and starts v at tau^2 or more; here v starts at 0,
// and bias_correction is an option, as Photon corrects.
//
//   m <- b1 m + (1 - b1) delta;  v <- b2 v + (1 - b2) delta^2
//   anchor <- anchor - lr m / (sqrt(v) + tau)
#include <cmath>

#include "sync/outers/pass.h"

namespace causeway {
namespace {

/// base^exponent by squaring: the C library's pow may differ in the last bit between machines.
double power(double base, int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) result *= base;
    base *= base;
  }
  return result;
}

class Adam final : public OuterOptimizer {
 public:
  struct Options : AdaptiveOuterOptions {
    bool bias_correction = false;

    template <class Visit>
    void each(Visit&& visit) {
      AdaptiveOuterOptions::each(visit);
      visit("bias_correction", bias_correction, Any{}, "",
            "Corrects the moments for their start at zero.");
    }
  };

  explicit Adam(const Options& options) : options_(options) {}

  std::vector<std::string_view> buffers() const override { return {"m", "v"}; }

  void step(int64_t round, std::span<const float> delta, std::span<float> anchor,
            std::span<const std::span<float>> buffers) const override {
    check_outer_pass(round, 2, delta, anchor, buffers);
    const double beta1 = options_.betas[0], beta2 = options_.betas[1];
    const double part1 = options_.bias_correction ? 1 - power(beta1, round) : 1;
    const double part2 = options_.bias_correction ? 1 - power(beta2, round) : 1;
    const float keep1 = static_cast<float>(beta1), add1 = static_cast<float>(1 - beta1);
    const float keep2 = static_cast<float>(beta2), add2 = static_cast<float>(1 - beta2);
    const float rate = static_cast<float>(options_.lr / part1);
    const float root = static_cast<float>(std::sqrt(part2));
    const float tau = static_cast<float>(options_.tau);
    elementwise(
        anchor.size(),
        [=](float& x, float d, float& m, float& v) {
          m = keep1 * m + add1 * d;
          v = keep2 * v + add2 * d * d;
          x -= rate * m / (std::sqrt(v) / root + tau);
        },
        anchor.data(), delta.data(), buffers[0].data(), buffers[1].data());
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<OuterOptimizer> outer_optimizers_adam;
const Entry<OuterOptimizer> outer_optimizers_adam =
    entry<OuterOptimizer, Adam>("adam", "FedAdam: Adam on the mean change; two buffers.");

}  // namespace causeway
