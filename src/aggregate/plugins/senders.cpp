// SPDX-License-Identifier: Apache-2.0
//
// A value's weighted mean over the offers that have it: those where it is not zero, which a sparse
// codec did not send (DeMo and the code of SparseLoCo divide so). Nobody has it: zero. In double,
// in member order, rounded once.
#include "aggregate/rule.h"

namespace causeway {
namespace {

class Senders final : public Rule {
 public:
  using Options = NoOptions;
  explicit Senders(const Options&) {}

  void fold(std::span<const std::span<const float>> rows, std::span<const int64_t> weights,
            std::span<float> out) const override {
    check_rows(rows, weights, out.size());
    for (size_t i = 0; i < out.size(); ++i) {
      double sum = 0, total = 0;
      for (size_t m = 0; m < rows.size(); ++m) {
        const double weight = rows[m][i] != 0 ? static_cast<double>(weights[m]) : 0.0;
        sum += weight * rows[m][i];
        total += weight;
      }
      out[i] = total > 0 ? static_cast<float>(sum / total) : 0.0F;
    }
  }
};

}  // namespace

extern const Entry<Rule> rules_senders;
const Entry<Rule> rules_senders =
    entry<Rule, Senders>("senders", "weighted mean over the offers where a value is not zero");

}  // namespace causeway
