// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "hub/ledger.h"
#include "recipe/recipe.h"
#include "store/spool.h"

namespace causeway {

/// The parameters that a run has ended with: the consensus of its closing channel, in global order.
/// Fault::kTooFew if that round was aborted; kCorrupt or kIo if its result cannot be read.
Result<std::vector<float>> closing_parameters(const BoundPlan& plan, const Ledger& ledger,
                                              Spool& spool);

/// Writes them in Hugging Face's form, with config.json and tokenizer.json, visible by one rename;
/// what was there before is replaced. Fault::kIo.
Result<void> write_result_model(const std::string& folder, const Recipe& recipe,
                                std::span<const float> x);

}  // namespace causeway
