// SPDX-License-Identifier: Apache-2.0
//
// What a hub's folder is of: written once when a run begins, so that a hub which starts again goes
// on with the same run, and with no other.
#pragma once

#include <cstdint>
#include <string>

#include "core/hash.h"
#include "hub/ledger.h"
#include "recipe/recipe.h"

namespace causeway {

struct RunCard {
  uint64_t run = 0;    ///< never 0
  std::string recipe;  ///< shared_recipe
  BlobRef genesis;     ///< the state before the first step; in the spool
  Digest weights;      ///< of the parameters in it
  int64_t starts = 0;  ///< of hubs on this folder
};

/// None if the folder has no card yet. Fault::kCorrupt if it cannot be read.
Result<std::optional<RunCard>> read_run_card(const std::string& folder);
/// Atomically and durably. Fault::kIo.
Result<void> write_run_card(const std::string& folder, const RunCard& card);

}  // namespace causeway
