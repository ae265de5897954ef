// SPDX-License-Identifier: Apache-2.0
//
// Muon: momentum whose singular values are all made about 1, so that a step goes equally far in
// every direction of a matrix (Jordan and others, "Muon: an optimizer for hidden layers in neural
// networks", 2024; MuLoCo, arXiv:2505.23725, uses it between rounds). For the matrices of the
// blocks, [rows, columns] = [outputs, inputs]:
//
//   b <- mu b + g;  d = g + mu b (nesterov) or b
//   X <- d / (|d| + 1e-7), transposed if rows > columns
//   5 times: A = X X^T;  X <- 3.4445 X + (-4.7750 A + 2.0315 A A) X
//   x <- x (1 - lr wd) - lr s X
//
// The iteration (Newton and Schulz's with coefficients for speed) leaves singular values between
// about 0.7 and 1.2. With scale = "shape", s = sqrt(max(1, rows / columns)), Jordan's; with "rms",
// s = 0.2 sqrt(max(rows, columns)), which gives the step the root mean square of AdamW's (Liu et
// al., arXiv:2502.16982), so that one rate serves both with adamw_lr = 1. Everything else is
// AdamW's, at the rate lr * adamw_lr. States: u is b, and v of a matrix stays zero.
#include "optim/muon.h"

#include <algorithm>
#include <cmath>

#include "optim/adamw.h"
#include "optim/whole.h"

namespace causeway {
namespace {

class Muon final : public InnerOptimizer {
 public:
  enum class Scale : uint8_t { kShape = 1, kRms = 2 };
  struct Options : AdaptiveOptions {
    Options() { lr = 0.02; }
    double momentum = 0.95;
    bool nesterov = true;
    int64_t iterations = 5;
    Scale scale = Scale::kShape;
    double adamw_lr = 0.1;

    template <class Visit>
    void each(Visit&& visit) {
      AdaptiveOptions::each(visit);
      visit("momentum", momentum, kDecayRange, "", "Decay of the matrices' sum of gradients.");
      visit("nesterov", nesterov, Any{}, "", "The step looks one update of the momentum ahead.");
      visit("iterations", iterations, Range<int64_t>{1, 100}, "",
            "Newton-Schulz steps that make singular values equal.");
      visit("scale", scale, Choices<Scale>{{{"shape", Scale::kShape}, {"rms", Scale::kRms}}}, "",
            "Of a matrix's step: sqrt(max(1, rows / columns)), or 0.2 sqrt(max(rows, columns)), "
            "as large as AdamW's.");
      visit("adamw_lr", adamw_lr, Range<double>{0, 1000}, "",
            "Rate of all that is not a matrix of a block, as a part of lr.");
    }
  };

  explicit Muon(const Options& options) : options_(options) {}

  double rate() const override { return options_.lr; }
  bool decays_all() const override { return options_.decay_all; }
  std::vector<std::string> states() const override { return {"u", "v"}; }
  bool takes_whole(const TensorPlace& place) const override {
    return place.kind == TensorPlace::Kind::kMatrix;
  }

  void step(const Update& update, std::span<float> values, std::span<const float> gradients,
            std::span<const std::span<float>> states) const override {
    Update other = update;
    other.rate *= options_.adamw_lr;
    adamw_step(other, options_.betas, options_.eps, options_.weight_decay, values, gradients,
               states);
  }

  void step_tensor(const Update& update, const TensorPlace& place, std::span<float> x,
                   std::span<const float> g,
                   std::span<const std::span<float>> states) const override {
    const Pass pass = begin_pass(update, options_.weight_decay, 2, x, g, states);
    const auto momentum = static_cast<float>(options_.momentum);
    const bool nesterov = options_.nesterov;
    std::vector<float> direction(g.size());
    elementwise(
        g.size(),
        [=](float& d, float gradient, float& b) {
          const float scaled = pass.scale * gradient;
          b = momentum * b + scaled;
          d = nesterov ? scaled + momentum * b : b;
        },
        direction.data(), g.data(), states[0].data());
    orthogonalise(place.rows, place.columns, options_.iterations, direction);
    move(pass, static_cast<float>(update.rate * scale(place)), direction, x);
  }

 private:
  double scale(const TensorPlace& place) const {
    const auto rows = static_cast<double>(place.rows), columns = static_cast<double>(place.columns);
    if (options_.scale == Scale::kRms) return 0.2 * std::sqrt(std::max(rows, columns));
    return std::sqrt(std::max(1.0, rows / columns));
  }

  Options options_;
};

}  // namespace

extern const Entry<InnerOptimizer> inner_optimizers_muon;
const Entry<InnerOptimizer> inner_optimizers_muon = entry<InnerOptimizer, Muon>(
    "muon", "Momentum made orthogonal for matrices, AdamW for the rest; two moments.");

}  // namespace causeway
