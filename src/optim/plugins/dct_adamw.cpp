// SPDX-License-Identifier: Apache-2.0
//
// DCT-AdamW: Adam's moments at low rank in columns of a fixed orthonormal matrix, the DCT, chosen
// by how much of the gradient they hold, with error feedback (Modoranu et al., the companion of
// Trion, arXiv:2505.17967). For the matrices of the blocks, [p, q] with p <= q (else all of it
// transposed), C the DCT-II of length p with a frequency in each row, r = min(rank, p):
//
//   a = g + e;  S = C a
//   every `refresh` updates: the r rows of S of largest norm are chosen, of equals the lower
//     frequency; u and v of a frequency that stays chosen go with it, those of a new one start at 0
//   s = the chosen rows of S;  e <- a - C_chosen^T s
//   d = Adam's direction from the moments u, v of s [r, q]
//   x <- x (1 - lr wd) - lr C_chosen^T d
//
// As C is orthonormal, the paper's rotation R = Q_old^T Q_new has a one for each frequency that
// stays and zeros elsewhere, so u R and |v R| are that move. We choose after the error is added, so
// that what waits counts. Everything else is AdamW's. States have the layout's size: u and v use
// the first values of a matrix's place, and q its first r, which are the chosen frequencies.
#include <numeric>

#include "core/dct.h"
#include "core/squared_norm.h"
#include "optim/adamw.h"
#include "optim/whole.h"

namespace causeway {
namespace {

using Frequencies = std::vector<int64_t>;

/// The `count` rows of largest norm in ascending order.
Frequencies largest_rows(std::span<const float> matrix, int64_t rows, int64_t columns,
                         int64_t count) {
  std::vector<double> norms;
  const auto size = static_cast<size_t>(columns);
  for (int64_t i = 0; i < rows; ++i)
    norms.push_back(squared_norm(matrix.subspan(static_cast<size_t>(i) * size, size)));
  // NaN would break the order; the step is lost with it or without.
  const auto norm = [&](int64_t i) {
    const double value = norms[static_cast<size_t>(i)];
    return value >= 0 ? value : 0;
  };
  Frequencies order(static_cast<size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(
      order, [&](int64_t a, int64_t b) { return norm(a) != norm(b) ? norm(a) > norm(b) : a < b; });
  order.resize(static_cast<size_t>(count));
  std::ranges::sort(order);
  return order;
}

/// Rows of a moment, kept for `before`, in the order of `after`. Both ascend.
void follow(const Frequencies& before, const Frequencies& after, int64_t columns,
            std::span<float> moment) {
  const auto size = static_cast<size_t>(columns);
  std::vector<float> out(after.size() * size);
  for (size_t j = 0; j < after.size(); ++j) {
    const auto found = std::ranges::lower_bound(before, after[j]);
    if (found == before.end() || *found != after[j]) continue;
    const auto row = static_cast<size_t>(found - before.begin());
    std::ranges::copy(moment.subspan(row * size, size),
                      out.begin() + static_cast<ptrdiff_t>(j * size));
  }
  std::ranges::copy(out, moment.begin());
}

class DctAdamW final : public InnerOptimizer {
 public:
  struct Options : LowRankOptions {
    int64_t refresh = 1;

    template <class Visit>
    void each(Visit&& visit) {
      LowRankOptions::each(visit);
      visit("refresh", refresh, Range<int64_t>{1, 1'000'000'000}, "steps",
            "Updates with one choice of frequencies.");
    }
  };

  explicit DctAdamW(const Options& options) : options_(options) {}

  double rate() const override { return options_.lr; }
  bool decays_all() const override { return options_.decay_all; }
  std::vector<std::string> states() const override { return {"u", "v", "residual", "q"}; }
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
    const Pass pass = begin_pass(update, options_.weight_decay, 4, x, g, states);
    const Wide wide(place, options_.rank);
    const std::span<float> residual = states[2];
    elementwise(
        x.size(), [=](float& e, float gradient) { e = pass.scale * gradient + e; }, residual.data(),
        g.data());
    if (update.count % options_.refresh == 0) choose(wide, states);

    const std::vector<float> rows = basis(wide, states[3]);
    const MatrixView chosen(rows, wide.r, wide.p);
    std::vector<float> low(static_cast<size_t>(wide.r * wide.q)), whole(x.size());
    multiply(chosen, wide.view(residual), low);
    wide.product(chosen.transposed(), {low, wide.r, wide.q}, whole);
    elementwise(x.size(), [](float& e, float part) { e -= part; }, residual.data(), whole.data());
    adam_direction(options_, update.count, low, states[0], states[1]);
    wide.product(chosen.transposed(), {low, wide.r, wide.q}, whole);
    move(pass, pass.rate, whole, x);
  }

 private:
  static Frequencies chosen(const Wide& wide, std::span<const float> state) {
    Frequencies out;
    // What a consensus wrote may be no frequency.
    for (const float value : state.first(static_cast<size_t>(wide.r)))
      out.push_back(
          value > 0 ? static_cast<int64_t>(std::min(value, static_cast<float>(wide.p - 1))) : 0);
    return out;
  }

  /// The chosen rows of C, [r, p].
  static std::vector<float> basis(const Wide& wide, std::span<const float> state) {
    const Dct dct(wide.p);
    std::vector<float> out(static_cast<size_t>(wide.r * wide.p));
    std::span<float> rest = out;
    for (const int64_t frequency : chosen(wide, state)) {
      dct.row(frequency, rest);
      rest = rest.subspan(static_cast<size_t>(wide.p));
    }
    return out;
  }

  /// Chooses by a, which is in the residual's place; moments follow.
  static void choose(const Wide& wide, std::span<const std::span<float>> states) {
    const std::vector<float> all = dct_matrix(wide.p);
    std::vector<float> image(static_cast<size_t>(wide.p * wide.q));
    multiply({all, wide.p, wide.p}, wide.view(states[2]), image);
    const Frequencies before = chosen(wide, states[3]),
                      after = largest_rows(image, wide.p, wide.q, wide.r);
    follow(before, after, wide.q, states[0]);
    follow(before, after, wide.q, states[1]);
    std::ranges::copy(after, states[3].begin());
  }

  Options options_;
};

}  // namespace

extern const Entry<InnerOptimizer> inner_optimizers_dct_adamw;
const Entry<InnerOptimizer> inner_optimizers_dct_adamw = entry<InnerOptimizer, DctAdamW>(
    "dct_adamw", "Adam at low rank in the DCT's strongest frequencies, with error feedback.");

}  // namespace causeway
