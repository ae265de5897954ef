// SPDX-License-Identifier: Apache-2.0
//
// What `causeway lab bytes` measured, as far as advice needs it: how far each method's loss lies
// above that of data-parallel training at equal tokens, and what tokens buy.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "lab/statistics.h"

namespace causeway {

struct MethodLoss {
  std::string method;          ///< a preset
  Interval gap;                ///< nats per token above `ddp` at equal tokens, paired by seed
  std::vector<Interval> gaps;  ///< the same in each panel; empty where it was not measured
};

struct LossTable {
  std::string measured;             ///< in words: model, tokens, seeds, settings
  std::vector<std::string> panels;  ///< "iid", "sites"
  int64_t workers = 0;
  int64_t period = 0;        ///< local steps between rounds, of methods that have them
  double doubling_nats = 0;  ///< what data-parallel training gains from twice the tokens
  std::vector<MethodLoss> methods;
};

/// Reads a table from JSON, or the one within the results of `lab bytes`. Fault::kBadInput with
/// what is wrong, where.
Result<LossTable> parse_loss_table(const std::string& text, const std::string& name);
std::string loss_table_json(const LossTable& table);

/// The table in the program, of docs/results.md.
const LossTable& known_losses();

}  // namespace causeway
