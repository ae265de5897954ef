// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "exchange/fold.h"

namespace causeway {

/// Decodes one tile of each member by decode(m, row) and folds them into `out`, in groups if the
/// rule can. The first member whose tile does not decode; `out` is then as it was.
template <class Decode>
std::optional<size_t> fold_tile(const Rule& rule, std::span<const int64_t> weights,
                                std::span<float> out, const Decode& decode) {
  const size_t members = weights.size();
  const auto at_once = static_cast<size_t>(fold_rows(rule, std::ssize(weights)));
  const bool grouped = at_once < members;
  // Not set to zero: each row is decoded whole or not looked at.
  const auto rows = std::make_unique_for_overwrite<float[]>(out.size() * at_once);
  std::vector<double> sums(grouped ? out.size() : 0);
  int64_t weight = 0;
  std::vector<std::span<const float>> group;
  for (size_t m = 0; m < members; ++m) {
    const std::span<float> row(rows.get() + group.size() * out.size(), out.size());
    if (!decode(m, row)) return m;
    group.emplace_back(row);
    weight += weights[m];
    if (!grouped || (group.size() < at_once && m + 1 < members)) continue;
    const size_t first = m + 1 - group.size();
    rule.add(group, weights.subspan(first, group.size()), first == 0, sums);
    group.clear();
  }
  if (grouped)
    rule.finish(sums, weight, out);
  else
    rule.fold(group, weights, out);
  return std::nullopt;
}

}  // namespace causeway
