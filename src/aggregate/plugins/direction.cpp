// SPDX-License-Identifier: Apache-2.0
//
// Direction and length apart, tensor by tensor (Decoupled DiLoCo, arXiv:2604.21428): the length is
// the weighted mean of lengths, the direction that of the weighted mean of unit vectors. So the
// mean of deltas that differ is as long as they are.
#include <algorithm>

#include "aggregate/rule.h"
#include "aggregate/tensor_sums.h"

namespace causeway {
namespace {

class Direction final : public Rule {
 public:
  using Options = NoOptions;
  explicit Direction(const Options&) {}

  bool by_tensor() const override { return true; }
  void fold(std::span<const std::span<const float>>, std::span<const int64_t>,
            std::span<float>) const override {}
  void fold_tensor(std::span<const std::span<const float>> rows, std::span<const int64_t> weights,
                   std::span<const float>, std::span<float> out) const override {
    check_rows(rows, weights, out.size());
    auto shares = shares_of(weights);
    double length = 0;
    for (size_t m = 0; m < rows.size(); ++m) {
      const double norm = norm_of(rows[m]);
      length += shares[m] * norm;
      shares[m] = norm > 0 ? shares[m] / norm : 0.0;
    }
    combine(rows, shares, out);
    const double norm = norm_of(out);
    if (norm > 0)
      for (float& value : out) value = static_cast<float>(value * (length / norm));
  }
};

}  // namespace

extern const Entry<Rule> rules_direction;
const Entry<Rule> rules_direction = entry<Rule, Direction>(
    "direction", "mean length, mean direction, tensor by tensor (Decoupled DiLoCo)");

}  // namespace causeway
