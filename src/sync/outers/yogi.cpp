// SPDX-License-Identifier: Apache-2.0
//
// FedYogi: as FedAdam, but v moves by at most (1 - b2) delta^2 in either direction, so that it
// forgets large changes slowly (Reddi et al., arXiv:2003.00295, Algorithm 2; Zaheer et al.,
// Adaptive methods for nonconvex optimization, 2018). The paper starts v at tau^2 or more; here it
// is 0.
//
//   m <- b1 m + (1 - b1) delta;  v <- v - (1 - b2) delta^2 sign(v - delta^2)
//   anchor <- anchor - lr m / (sqrt(v) + tau)
#include <cmath>

#include "sync/outers/pass.h"

namespace causeway {
namespace {

class Yogi final : public OuterOptimizer {
 public:
  using Options = AdaptiveOuterOptions;

  explicit Yogi(const Options& options) : options_(options) {}

  std::vector<std::string_view> buffers() const override { return {"m", "v"}; }

  void step(int64_t round, std::span<const float> delta, std::span<float> anchor,
            std::span<const std::span<float>> buffers) const override {
    check_outer_pass(round, 2, delta, anchor, buffers);
    const float keep = static_cast<float>(options_.betas[0]);
    const float add1 = static_cast<float>(1 - options_.betas[0]);
    const float add2 = static_cast<float>(1 - options_.betas[1]);
    const float rate = static_cast<float>(options_.lr);
    const float tau = static_cast<float>(options_.tau);
    elementwise(
        anchor.size(),
        [=](float& x, float d, float& m, float& v) {
          const float square = d * d;
          const float sign = static_cast<float>(v > square) - static_cast<float>(v < square);
          m = keep * m + add1 * d;
          v -= add2 * square * sign;
          x -= rate * m / (std::sqrt(v) + tau);
        },
        anchor.data(), delta.data(), buffers[0].data(), buffers[1].data());
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<OuterOptimizer> outer_optimizers_yogi;
const Entry<OuterOptimizer> outer_optimizers_yogi =
    entry<OuterOptimizer, Yogi>("yogi", "FedYogi: FedAdam with a slower second moment.");

}  // namespace causeway
