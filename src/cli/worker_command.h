// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/command.h"
#include "core/clock.h"
#include "recipe/shared_recipe.h"
#include "service/workplace.h"

namespace causeway {

struct WorkerCommand {
  std::string name, summary, example;
  /// What it trains with; `clock` outlives it.
  std::function<std::unique_ptr<Workplace>(WorkerId, OwnPart, const Clock&)> workplace;
};

/// A subcommand that is one worker of a hub's run.
void add_worker_command(CLI::App& app, WorkerCommand command, int& exit_code);

}  // namespace causeway
