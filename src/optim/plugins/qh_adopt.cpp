// SPDX-License-Identifier: Apache-2.0
//
// Quasi-hyperbolic ADOPT: ADOPT's step with a mix of the normalised gradient and of several first
// moments of it, slow ones among them (MT-DAO's optimizer; ADOPT: arXiv:2411.02853).
//
//   first update: v <- g^2, nothing else; then z as in adopt.h, u_j and d as in quasi_hyperbolic.h
//   x <- x (1 - lr wd) - lr d;  v <- b2 v + (1 - b2) g^2
#include "optim/adopt.h"
#include "optim/quasi_hyperbolic.h"

namespace causeway {
namespace {

class QhAdopt final : public InnerOptimizer {
 public:
  struct Options : QuasiHyperbolicOptions {
    Options() { eps = 1e-6; }
  };

  explicit QhAdopt(const Options& options) : options_(options) {}

  double rate() const override { return options_.lr; }
  bool decays_all() const override { return options_.decay_all; }
  std::vector<std::string> states() const override { return options_.states(); }

  void step(const Update& update, std::span<float> values, std::span<const float> gradients,
            std::span<const std::span<float>> states) const override {
    const size_t moment_count = options_.betas.size();
    const Pass pass =
        begin_pass(update, options_.weight_decay, moment_count + 1, values, gradients, states);
    if (update.count == 0) return adopt_start(pass.scale, gradients, states[moment_count]);
    const Moments moments(options_, false, static_cast<double>(update.count));
    const Average second(options_.beta2);
    const float limit = adopt_limit(update.count);
    const float eps = static_cast<float>(options_.eps);
    float* const seconds = states[moment_count].data();

    Moments::Block normalised{}, mixed{};
    Moments::in_blocks(values.size(), [&](size_t start, size_t count) {
      elementwise(
          count,
          [=](float& z, float gradient, float& v) {
            const float g = pass.scale * gradient;
            z = adopt_normalised(g, v, eps, limit);
            v = second.keep * v + second.add * g * g;
          },
          normalised.data(), gradients.data() + start, seconds + start);
      moments.mix(start, count, normalised, states, mixed);
      elementwise(
          count, [=](float& x, float d) { x = x * pass.keep - pass.rate * d; },
          values.data() + start, mixed.data());
    });
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<InnerOptimizer> inner_optimizers_qh_adopt;
const Entry<InnerOptimizer> inner_optimizers_qh_adopt = entry<InnerOptimizer, QhAdopt>(
    "qh_adopt", "ADOPT with several first moments and the gradient mixed (MT-DAO).");

}  // namespace causeway
