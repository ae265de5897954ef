// SPDX-License-Identifier: Apache-2.0
//
// Quasi-hyperbolic momentum: a weighted mean of the gradient and of its moving average (Ma and
// Yarats, arXiv:1810.06801, equations 3 and 4).
//
//   u <- beta u + (1 - beta) g;  x <- x (1 - lr wd) - lr ((1 - omega) g + omega u)
#include "optim/pass.h"

namespace causeway {
namespace {

class Qhm final : public InnerOptimizer {
 public:
  struct Options : BaseOptions {
    Options() { lr = 0.1; }
    double beta = 0.99;
    double omega = 0.7;

    template <class Visit>
    void each(Visit&& visit) {
      BaseOptions::each(visit);
      visit("beta", beta, kDecayRange, "", "Decay of the moving average.");
      visit("omega", omega, Range<double>{0, 1}, "",
            "Weight of the moving average; the gradient has the rest.");
    }
  };

  explicit Qhm(const Options& options) : options_(options) {}

  double rate() const override { return options_.lr; }
  bool decays_all() const override { return options_.decay_all; }
  std::vector<std::string> states() const override { return {"u"}; }

  void step(const Update& update, std::span<float> values, std::span<const float> gradients,
            std::span<const std::span<float>> states) const override {
    const Pass pass = begin_pass(update, options_.weight_decay, 1, values, gradients, states);
    const Average first(options_.beta);
    const float omega = static_cast<float>(options_.omega);
    const float rest = static_cast<float>(1 - options_.omega);
    elementwise(
        values.size(),
        [=](float& x, float gradient, float& u) {
          const float g = pass.scale * gradient;
          u = first.keep * u + first.add * g;
          x = x * pass.keep - pass.rate * (rest * g + omega * u);
        },
        values.data(), gradients.data(), states[0].data());
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<InnerOptimizer> inner_optimizers_qhm;
const Entry<InnerOptimizer> inner_optimizers_qhm =
    entry<InnerOptimizer, Qhm>("qhm", "Quasi-hyperbolic momentum; one moment.");

}  // namespace causeway
