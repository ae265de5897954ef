// SPDX-License-Identifier: Apache-2.0
//
// A trial is one run of an experiment that compares several: a recipe with some changes.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/value.h"
#include "record/listener.h"

namespace causeway {

/// A recipe's table, and the folder that its relative paths start from.
struct TrialRecipe {
  Value root;
  std::string base;
};

/// The recipe of a finished run's folder.
Result<TrialRecipe> recipe_of_run(const std::string& folder);

/// Changes one option, as `--set` does: change(root, "sync.period", 32).
void change(Value& root, const std::string& path, Value value);

/// What an experiment passes to its trials.
struct TrialContext {
  const Clock& clock;
  const std::atomic<bool>& stop;
  std::vector<Listener*> listeners;
};

/// Runs a recipe in `folder`, or goes on with it, or, if it is finished there, only tells how it
/// ended. Fault::kBadInput if the recipe has mistakes, or `folder` holds a run of another one;
/// kTimeout if it was stopped: call again to go on.
Result<RunSummary> run_trial(const TrialRecipe& recipe, const std::string& folder,
                             const TrialContext& context);

}  // namespace causeway
