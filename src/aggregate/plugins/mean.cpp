// SPDX-License-Identifier: Apache-2.0
// The weighted mean, sum w y / sum w: products and sums in double, in member order, one division and
// one rounding at the end. Integer weights below 2^29 make each product exact.
#include <algorithm>
#include <array>

#include "aggregate/rule.h"

namespace causeway {
namespace {

/// Values at a time: their sums stay in the first-level cache.
constexpr size_t kChunk = 1024;

class Mean final : public Rule {
 public:
  using Options = NoOptions;
  explicit Mean(const Options&) {}

  void fold(std::span<const std::span<const float>> rows, std::span<const int64_t> weights,
            std::span<float> out) const override {
    double total = 0;
    for (const int64_t weight : weights) total += static_cast<double>(weight);
    std::array<double, kChunk> sums;
    for (size_t begin = 0; begin < out.size(); begin += kChunk) {
      const size_t count = std::min(kChunk, out.size() - begin);
      std::fill_n(sums.begin(), count, 0.0);
      for (size_t m = 0; m < rows.size(); ++m) {
        const auto weight = static_cast<double>(weights[m]);
        const float* row = rows[m].data() + begin;
        for (size_t i = 0; i < count; ++i) sums[i] += weight * static_cast<double>(row[i]);
      }
      for (size_t i = 0; i < count; ++i) out[begin + i] = static_cast<float>(sums[i] / total);
    }
  }
};

}  // namespace

extern const Entry<Rule> rules_mean;
const Entry<Rule> rules_mean = entry<Rule, Mean>("mean", "weighted mean, value by value");

}  // namespace causeway
