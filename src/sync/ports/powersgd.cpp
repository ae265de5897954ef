// SPDX-License-Identifier: Apache-2.0
// PowerSGD: gradients of matrices at low rank, by one step of the power method a round. Vogels and
// others, "PowerSGD: Practical Low-Rank Gradient Compression", arXiv:1905.13727, algorithms 1
// and 2. For a matrix, with a = gradient + residual:
//   stage 0: P = mean(a Q), orthonormalised;  stage 1: Q = mean(a^T P)
//   gradient = P Q^T;  residual = a - P Q^T
// Other tensors go whole in stage 0. Each member orthonormalises for itself: it takes + - * / and
// square roots alone. Q(i, j) = cos((i + 1)(j + 1)) at first: the paper draws it.
#include <algorithm>

#include "core/low_rank.h"
#include "sync/port.h"

namespace causeway {
namespace {

/// cos(n) from cos(1) and sin(1) by squaring, so that no libm takes part.
double cosine_of(uint64_t n) {
  double real = 1, imaginary = 0;
  double base_real = 0.54030230586813971740, base_imaginary = 0.84147098480789650665;
  for (; n > 0; n >>= 1) {
    if ((n & 1) != 0) {
      const double next = real * base_real - imaginary * base_imaginary;
      imaginary = real * base_imaginary + imaginary * base_real;
      real = next;
    }
    const double next = base_real * base_real - base_imaginary * base_imaginary;
    base_imaginary = 2 * base_real * base_imaginary;
    base_real = next;
  }
  return real;
}

class PowerSgd final : public Port {
 public:
  struct Options {
    int64_t rank = 4;

    template <class Visit>
    void each(Visit&& visit) {
      visit("rank", rank, Range<int64_t>{1, 4096}, "", "Columns of P and Q.");
    }
  };
  explicit PowerSgd(const Options& options) : rank_(options.rank) {}

  std::string bind(const ChannelPlace& place) override {
    int64_t begin = 0;
    for (const TensorCut& cut : tensor_cuts(place.layout, place.region)) {
      const int64_t rows = cut.rows();
      const int64_t rank = cut.matrix() ? std::min({rank_, rows, cut.columns}) : 0;
      tensors_.push_back({begin, rows, cut.columns, rank, p_count_, q_count_});
      begin += cut.count;
      p_count_ += cut.matrix() ? rows * rank : cut.count;
      q_count_ += cut.columns * rank;
    }
    return q_count_ > 0 ? "" : "powersgd wants matrices; the region has none";
  }
  int32_t stages() const override { return 2; }
  std::vector<TensorCut> signal(const ChannelPlace&, int32_t stage) const override {
    std::vector<TensorCut> out;
    for (const Piece& t : tensors_) {
      if (stage == 0 && t.rank == 0) out.push_back({t.columns, t.columns});
      if (t.rank > 0) out.push_back({(stage == 0 ? t.rows : t.columns) * t.rank, t.rank});
    }
    return out;
  }
  std::vector<StateSpec> states(int64_t count) const override {
    return {{"powersgd_q", q_count_, Holder::kReplicated},
            {"powersgd_p", p_count_, Holder::kReplicated},
            {"residual", count, Holder::kWorker}};
  }
  std::string_view reads() const override { return "g"; }
  bool fits(Hook hook) const override { return hook == Hook::kAfterBackward; }
  bool whole() const override { return true; }
  void start(const Region&, const Replica&, States& states) const override {
    const auto q = states.edit("powersgd_q");
    for (const Piece& t : tensors_)
      for (int64_t i = 0; i < t.columns; ++i)
        for (int64_t j = 0; j < t.rank; ++j)
          q[static_cast<size_t>(t.q_begin + i * t.rank + j)] =
              static_cast<float>(cosine_of(static_cast<uint64_t>((i + 1) * (j + 1))));
  }
  void offer(const Firing& firing, const Region& region, const Replica& replica,
             const States& states, std::span<float> signal) const override {
    const std::vector<float> a = wanted(region, replica, states.get("residual"));
    const auto q = states.get("powersgd_q"), p = states.get("powersgd_p");
    for (const Piece& t : tensors_) {
      const auto values = std::span(a).subspan(static_cast<size_t>(t.begin), t.count());
      const auto out =
          signal.subspan(static_cast<size_t>(firing.stage == 0 ? t.p_begin : t.q_begin));
      if (t.rank == 0) {
        if (firing.stage == 0) std::ranges::copy(values, out.begin());
        continue;
      }
      const MatrixView matrix(values, t.rows, t.columns);
      if (firing.stage == 0)
        multiply(matrix, t.q(q), out);
      else
        multiply(matrix.transposed(), t.p(p), out);
    }
  }
  void apply(const Firing& firing, const Region& region, std::span<const float> consensus,
             const StatesPart& states, Replica& replica) const override {
    const auto kept = states.edit(firing.stage == 0 ? "powersgd_p" : "powersgd_q");
    std::ranges::copy(consensus, kept.begin());
    if (firing.stage == 0) {
      for (const Piece& t : tensors_)
        if (t.rank > 0)
          orthonormalise(kept.subspan(static_cast<size_t>(t.p_begin)), t.rows, t.rank);
      return;
    }
    if (states.has("residual")) write_gradient(firing, region, states, replica);
  }

 private:
  /// A tensor, and where its factors lie. Vectors have rank 0, and lie in P.
  struct Piece {
    int64_t begin, rows, columns, rank, p_begin, q_begin;
    size_t count() const { return static_cast<size_t>(rows * columns); }
    MatrixView p(std::span<const float> all) const {
      return {all.subspan(static_cast<size_t>(p_begin)), rows, rank};
    }
    MatrixView q(std::span<const float> all) const {
      return {all.subspan(static_cast<size_t>(q_begin)), columns, rank};
    }
  };

  /// gradient + residual; the residual of vectors is zero.
  static std::vector<float> wanted(const Region& region, const Replica& replica,
                                   std::span<const float> residual) {
    std::vector<float> out(residual.size());
    replica.read("g", region, out);
    for (size_t i = 0; i < out.size(); ++i) out[i] += residual[i];
    return out;
  }

  /// Who was left out has lost nothing, and owes what it did.
  void write_gradient(const Firing& firing, const Region& region, const StatesPart& states,
                      Replica& replica) const {
    const auto residual = states.edit("residual");
    const std::vector<float> a = wanted(region, replica, residual);
    const auto q = states.edit("powersgd_q"), p = states.edit("powersgd_p");
    std::vector<float> gradient(a.size());
    for (const Piece& t : tensors_) {
      const auto begin = static_cast<size_t>(t.begin);
      const auto out = std::span(gradient).subspan(begin, t.count());
      if (t.rank == 0) {
        std::ranges::copy(p.subspan(static_cast<size_t>(t.p_begin), t.count()), out.begin());
        continue;
      }
      multiply(t.p(p), t.q(q).transposed(), out);
      if (!firing.folded) continue;
      for (size_t i = 0; i < out.size(); ++i) residual[begin + i] = a[begin + i] - out[i];
    }
    replica.write("g", region, gradient);
  }

  const int64_t rank_;
  std::vector<Piece> tensors_;
  int64_t p_count_ = 0, q_count_ = 0;
};

}  // namespace

extern const Entry<Port> ports_powersgd;
const Entry<Port> ports_powersgd =
    entry<Port, PowerSgd>("powersgd", "gradients at low rank, in two exchanges");

}  // namespace causeway
