// SPDX-License-Identifier: Apache-2.0
//
// LoRDO's inner optimizer: Adam's moments at low rank in a basis that all workers share, with error
// feedback, and the whole gradient mixed in so that the parameters leave the basis. One reading of
// the paper (which leaves the full-rank denominator open); the authors' code has the same scalar.
// A matrix [p, q], embedding and head too, has a basis Q [p, r], r = min(rank, p, q); e starts at
// 0:
//
//   a = g + e;  s = Q^T a;  e <- a - Q s;  u <- b1 u + (1 - b1) s;  v <- b2 v + (1 - b2) s s
//   w = sqrt(v / c2) + eps
//   x <- x (1 - lr wd) - lr ((1 - omega) g / mean(w) + omega Q ((u / c1) / w))
//
// A vector: u, v of g itself, and x <- x (1 - lr wd) - lr ((1 - omega) g + omega u / c1) / w.
// c1 = 1 - b1^n and c2 = 1 - b2^n at update n with bias_correction, else both 1. The first Q has
// the first r frequencies of the DCT-II of length p. A new Q comes from the consensus of a round
// (optim/lordo.h); without one and with omega = 1, x never leaves the span of the first.
//
// States have the layout's size: u, v (r x q) and q (p x r) use the first values of a matrix's
// place, and the memory behind them is not saved yet.
#include "optim/lordo.h"

#include <cmath>

#include "core/dct.h"

namespace causeway {
namespace {

/// The scalars of the moments' pass.
struct Scalars {
  Average first, second;
  float c1, c2, eps;
};

class Lordo final : public InnerOptimizer {
 public:
  using Options = LordoOptions;
  explicit Lordo(const Options& options) : options_(options) {}

  double rate() const override { return options_.lr; }
  bool decays_all() const override { return options_.decay_all; }
  std::vector<std::string> states() const override { return {"u", "v", "residual", "q"}; }
  bool takes_whole(const TensorPlace& place) const override {
    return place.kind != TensorPlace::Kind::kVector;
  }

  void start_tensor(const TensorPlace& place,
                    std::span<const std::span<float>> states) const override {
    dct_basis(place.rows, rank(place), states[3]);
  }

  void step(const Update& update, std::span<float> values, std::span<const float> gradients,
            std::span<const std::span<float>> states) const override {
    const Pass pass = begin_pass(update, options_.weight_decay, 4, values, gradients, states);
    const Scalars s = scalars(update);
    const auto omega = static_cast<float>(options_.omega);
    const auto rest = static_cast<float>(1 - options_.omega);
    elementwise(
        values.size(),
        [=](float& x, float gradient, float& u, float& v) {
          const float g = pass.scale * gradient;
          u = s.first.keep * u + s.first.add * g;
          v = s.second.keep * v + s.second.add * g * g;
          const float w = std::sqrt(v / s.c2) + s.eps;
          x = x * pass.keep - pass.rate * (rest * g + omega * (u / s.c1)) / w;
        },
        values.data(), gradients.data(), states[0].data(), states[1].data());
  }

  void step_tensor(const Update& update, const TensorPlace& place, std::span<float> x,
                   std::span<const float> g,
                   std::span<const std::span<float>> states) const override {
    const Pass pass = begin_pass(update, options_.weight_decay, 4, x, g, states);
    const int64_t p = place.rows, q = place.columns, r = rank(place);
    const MatrixView basis(states[3], p, r);
    const std::span<float> residual = states[2];
    std::vector<float> low(static_cast<size_t>(r * q)), whole(x.size());

    elementwise(
        x.size(), [=](float& e, float gradient) { e = pass.scale * gradient + e; }, residual.data(),
        g.data());
    multiply(basis.transposed(), {residual, p, q}, low);
    multiply(basis, {low, r, q}, whole);
    elementwise(x.size(), [](float& e, float part) { e -= part; }, residual.data(), whole.data());

    const double mean = direction(scalars(update), low, states[0], states[1]);
    multiply(basis, {low, r, q}, whole);
    const auto omega = static_cast<float>(options_.omega);
    const auto rest = static_cast<float>((1 - options_.omega) / mean);
    elementwise(
        x.size(),
        [=](float& value, float gradient, float part) {
          const float d = rest * (pass.scale * gradient) + omega * part;
          value = value * pass.keep - pass.rate * d;
        },
        x.data(), g.data(), whole.data());
  }

 private:
  int64_t rank(const TensorPlace& place) const {
    return std::min({options_.rank, place.rows, place.columns});
  }

  Scalars scalars(const Update& update) const {
    const MomentCorrection correction = options_.correction(update.count + 1);
    return {Average(options_.betas[0]), Average(options_.betas[1]),
            static_cast<float>(correction.first), static_cast<float>(correction.second),
            static_cast<float>(options_.eps)};
  }

  /// Updates the moments by `low`, which becomes (u / c1) / w, and returns the mean of w.
  static double direction(const Scalars& s, std::span<float> low, std::span<float> u,
                          std::span<float> v) {
    std::vector<float> divisors(low.size());
    elementwise(
        low.size(),
        [=](float& value, float& mean, float& square, float& w) {
          mean = s.first.keep * mean + s.first.add * value;
          square = s.second.keep * square + s.second.add * value * value;
          w = std::sqrt(square / s.c2) + s.eps;
          value = mean / s.c1 / w;
        },
        low.data(), u.data(), v.data(), divisors.data());
    double sum = 0;
    for (const float w : divisors) sum += w;
    return sum / static_cast<double>(low.size());
  }

  Options options_;
};

}  // namespace

extern const Entry<InnerOptimizer> inner_optimizers_lordo;
const Entry<InnerOptimizer> inner_optimizers_lordo = entry<InnerOptimizer, Lordo>(
    "lordo", "Adam at low rank with error feedback and the gradient mixed in (LoRDO).");

}  // namespace causeway
