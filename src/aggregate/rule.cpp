// SPDX-License-Identifier: Apache-2.0
#include "aggregate/rule.h"

#include "core/check.h"

namespace causeway {

int64_t check_rows(std::span<const std::span<const float>> rows, std::span<const int64_t> weights,
                   size_t size) {
  CW_CHECK(!rows.empty() && rows.size() == weights.size(), "{} rows, {} weights", rows.size(),
           weights.size());
  int64_t total = 0;
  for (size_t m = 0; m < rows.size(); ++m) {
    CW_CHECK(rows[m].size() == size, "row {} has {} values of {}", m, rows[m].size(), size);
    CW_CHECK(weights[m] >= 1 && weights[m] <= kWeightMax, "weight {} of row {}", weights[m], m);
    total += weights[m];
  }
  return total;
}

void Rule::add(std::span<const std::span<const float>>, std::span<const int64_t>, bool,
               std::span<double>) const {
  CW_CHECK(false, "this rule needs all rows at once");
}

void Rule::finish(std::span<const double>, int64_t, std::span<float>) const {
  CW_CHECK(false, "this rule needs all rows at once");
}

void Rule::fold_tensor(std::span<const std::span<const float>>, std::span<const int64_t>,
                       std::span<const float>, std::span<float>) const {
  CW_CHECK(false, "this rule folds by tile");
}

}  // namespace causeway
