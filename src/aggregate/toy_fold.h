// SPDX-License-Identifier: Apache-2.0
//
// For tests: one call of a rule. Nothing but tests includes it.
#pragma once

#include <string>
#include <vector>

#include "aggregate/rule.h"
#include "core/check.h"
#include "core/toml.h"

namespace causeway {

/// A tensor, or a tile of equal length, of every member, folded by a rule. `previous`: zeros if
/// left out.
inline std::vector<float> toy_fold(const std::string& name,
                                   const std::vector<std::vector<float>>& rows,
                                   const std::vector<int64_t>& weights,
                                   std::vector<float> previous = {},
                                   const std::string& options = "") {
  Mistakes mistakes;
  const Plugin plugin{name, parse_toml(options, "test", mistakes)};
  const auto rule = make_plugin(rules(), "rule", plugin, mistakes);
  CW_CHECK(mistakes.empty(), "{}", mistakes.text());
  const std::vector<std::span<const float>> views(rows.begin(), rows.end());
  previous.resize(rows.front().size());
  std::vector<float> out(rows.front().size(), -12345.0F);
  if (rule->by_tensor())
    rule->fold_tensor(views, weights, previous, out);
  else
    rule->fold(views, weights, out);
  return out;
}

}  // namespace causeway
