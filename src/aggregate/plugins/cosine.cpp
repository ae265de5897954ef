// SPDX-License-Identifier: Apache-2.0
//
// L-DAWA: a layer's share is its weight times its cosine with the consensus before. Rehman and
// others, "L-DAWA: Layer-wise Divergence Aware Weight Aggregation in Federated Self-Supervised
// Visual Representation Learning", arXiv:2307.07393, equations 3 and 4:
//   out = sum of weight cos(row, previous) row / sum of weight
// The paper divides so, and shrinks what diverges; `normalise` divides by the sum of shares
// instead. Without a consensus before, in the first round, it is the weighted mean.
#include <algorithm>

#include "aggregate/rule.h"
#include "aggregate/tensor_sums.h"

namespace causeway {
namespace {

class Cosine final : public Rule {
 public:
  struct Options {
    bool normalise = true;
    template <class Visit>
    void each(Visit&& visit) {
      visit("normalise", normalise, Any{}, "",
            "Shares sum to 1; else, as in the paper, they sum to the mean cosine.");
    }
  };
  explicit Cosine(const Options& options) : options_(options) {}

  bool by_tensor() const override { return true; }
  void fold(std::span<const std::span<const float>>, std::span<const int64_t>,
            std::span<float>) const override {}
  void fold_tensor(std::span<const std::span<const float>> rows, std::span<const int64_t> weights,
                   std::span<const float> previous, std::span<float> out) const override {
    check_rows(rows, weights, out.size());
    auto shares = shares_of(weights);
    const double before = norm_of(previous);
    if (before > 0) {
      double total = 0;
      std::vector<double> turned = shares;
      for (size_t m = 0; m < rows.size(); ++m) {
        const double norm = norm_of(rows[m]);
        turned[m] *= norm > 0 ? std::max(0.0, dot_of(rows[m], previous) / (norm * before)) : 0.0;
        total += turned[m];
      }
      // All of them turned away: no reason to prefer one.
      if (total > 0) shares = turned;
      if (total > 0 && options_.normalise)
        for (double& share : shares) share /= total;
    }
    combine(rows, shares, out);
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Rule> rules_cosine;
const Entry<Rule> rules_cosine = entry<Rule, Cosine>(
    "cosine", "layers count by their cosine with the consensus before (L-DAWA)");

}  // namespace causeway
