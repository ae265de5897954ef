// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/command.h"
#include "core/clock.h"
#include "recipe/shared_recipe.h"
#include "service/workplace.h"
#include "site/group.h"

namespace causeway {

/// The processes that are one worker together, of which this is one.
struct SiteProcesses {
  std::unique_ptr<SiteGroup> group;
  int64_t threads = 0;  ///< for this one, where nobody says how many; 0: the machine's cores
};

struct WorkerCommand {
  std::string name, summary, example;
  /// What it trains with; `clock` outlives it, and `orders`, which is null for a process alone.
  std::function<std::unique_ptr<Workplace>(WorkerId, OwnPart, const Clock&, Orders*)> workplace;
  /// Joins them, with this time limit; null: such a worker is always one process.
  std::function<Result<SiteProcesses>(int64_t limit_ms)> join = nullptr;
};

/// A subcommand that is one worker of a hub's run.
void add_worker_command(CLI::App& app, WorkerCommand what, int& exit_code);

}  // namespace causeway
