// SPDX-License-Identifier: Apache-2.0
//
// Variance-corrected averaging: the mean of models has less variance than each of them, as what
// they do not share averages out; each tensor of the mean is rescaled about its own mean to the
// models' mean variance.
//   out = c + (mean - c) sqrt(mean of variances / variance of the mean), c the mean's mean value
#include <algorithm>
#include <numeric>

#include "aggregate/rule.h"
#include "aggregate/tensor_sums.h"

namespace causeway {
namespace {

/// Mean value and variance of a tensor.
std::pair<double, double> moments_of(std::span<const float> values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const float value : values) squares += (value - mean) * (value - mean);
  return {mean, squares / count};
}

class Variance final : public Rule {
 public:
  struct Options {
    double most = 4;
    template <class Visit>
    void each(Visit&& visit) {
      visit(
          "most", most, Range<double>{1, 1e6}, "",
          "Most that a tensor is stretched: where models share nothing, it would be without end.");
    }
  };
  explicit Variance(const Options& options) : options_(options) {}

  bool by_tensor() const override { return true; }
  void fold(std::span<const std::span<const float>>, std::span<const int64_t>,
            std::span<float>) const override {}
  void fold_tensor(std::span<const std::span<const float>> rows, std::span<const int64_t> weights,
                   std::span<const float>, std::span<float> out) const override {
    check_rows(rows, weights, out.size());
    const auto shares = shares_of(weights);
    combine(rows, shares, out);
    const auto [centre, variance] = moments_of(out);
    if (!(variance > 0)) return;
    double wanted = 0;
    for (size_t m = 0; m < rows.size(); ++m) wanted += shares[m] * moments_of(rows[m]).second;
    const double stretch = std::min(std::sqrt(wanted / variance), options_.most);
    for (float& value : out) value = static_cast<float>(centre + (value - centre) * stretch);
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Rule> rules_variance;
const Entry<Rule> rules_variance = entry<Rule, Variance>(
    "variance", "the mean, each tensor rescaled to the models' mean variance");

}  // namespace causeway
