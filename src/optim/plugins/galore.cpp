// SPDX-License-Identifier: Apache-2.0
//
// GaLore: Adam in the subspace of the gradient's largest singular vectors (Zhao et al.,
// arXiv:2403.03507, Algorithm 2). For the matrices of the blocks, [p, q] with p <= q (else all of
// it transposed), r = min(rank, p):
//
//   every `refresh` updates, the first among them: P = the r left singular vectors of g [p, r]
//   s = P^T g;  d = Adam's direction from the moments u, v of s [r, q]
//   x <- x (1 - lr wd) - lr alpha P d
//
// A new P does not move the moments, as in the paper. While g is zero there is no P and no step.
// Everything else is AdamW's. States have the layout's size: u, v and q, which is P, use the first
// values of a matrix's place, and the memory behind them is not saved yet.
#include "core/low_rank.h"
#include "optim/adamw.h"
#include "optim/whole.h"

namespace causeway {
namespace {

class Galore final : public InnerOptimizer {
 public:
  struct Options : LowRankOptions {
    Options() { betas = {0.9, 0.999}; }
    int64_t refresh = 200;
    double alpha = 0.25;

    template <class Visit>
    void each(Visit&& visit) {
      LowRankOptions::each(visit);
      visit("refresh", refresh, Range<int64_t>{1, 1'000'000'000}, "steps",
            "Updates with one subspace.");
      visit("alpha", alpha, Range<double>{0, 100}, "", "Scale of a matrix's step.");
    }
  };

  explicit Galore(const Options& options) : options_(options) {}

  double rate() const override { return options_.lr; }
  bool decays_all() const override { return options_.decay_all; }
  std::vector<std::string> states() const override { return {"u", "v", "q"}; }
  bool takes_whole(const TensorPlace& place) const override {
    return place.kind == TensorPlace::Kind::kMatrix;
  }

  void step(const Update& update, std::span<float> values, std::span<const float> gradients,
            std::span<const std::span<float>> states) const override {
    adamw_step(update, options_.betas, options_.eps, options_.weight_decay, values, gradients,
               states.first(2));
  }

  void step_tensor(const Update& update, const TensorPlace& place, std::span<float> x,
                   std::span<const float> g,
                   std::span<const std::span<float>> states) const override {
    const Pass pass = begin_pass(update, options_.weight_decay, 3, x, g, states);
    const Wide wide(place, options_.rank);
    std::vector<float> whole = scaled_copy(pass.scale, g);
    const std::span<float> basis = states[2].first(static_cast<size_t>(wide.p * wide.r));
    const bool none = std::ranges::all_of(basis, [](float value) { return value == 0; });
    if (none || update.count % options_.refresh == 0) left_basis(wide.view(whole), wide.r, basis);

    const MatrixView p(basis, wide.p, wide.r);
    std::vector<float> low(static_cast<size_t>(wide.r * wide.q));
    multiply(p.transposed(), wide.view(whole), low);
    adam_direction(options_, update.count, low, states[0], states[1]);
    wide.product(p, {low, wide.r, wide.q}, whole);
    move(pass, static_cast<float>(update.rate * options_.alpha), whole, x);
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<InnerOptimizer> inner_optimizers_galore;
const Entry<InnerOptimizer> inner_optimizers_galore = entry<InnerOptimizer, Galore>(
    "galore", "Adam in the subspace of the gradient's largest singular vectors.");

}  // namespace causeway
