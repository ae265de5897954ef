// SPDX-License-Identifier: Apache-2.0
#include "lab/trial.h"

#include <filesystem>

#include "core/toml.h"
#include "train/checkpoint.h"
#include "train/run.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

Result<Recipe> read(const TrialRecipe& trial, const std::string& folder) {
  Mistakes mistakes;
  Recipe recipe = read_recipe(trial.root, trial.base, mistakes);
  if (!mistakes.empty())
    return failure(Fault::kBadInput, "{}the trial in {} was not started", mistakes.text(), folder);
  recipe.run.folder = folder;
  return recipe;
}

}  // namespace

Result<TrialRecipe> recipe_of_run(const std::string& folder) {
  Mistakes mistakes;
  Value root = parse_toml_file(folder + "/recipe.toml", mistakes);
  if (!mistakes.empty())
    return failure(Fault::kBadInput, "{}{} is not the folder of a run", mistakes.text(), folder);
  return TrialRecipe{std::move(root), folder};
}

void change(Value& root, const std::string& path, Value value) {
  const size_t dot = path.find('.');
  if (dot == path.npos) {
    root.set(path, std::move(value));
    return;
  }
  const std::string table = path.substr(0, dot);
  if (root.find(table) == nullptr || !root.find(table)->is(Value::Kind::kTable))
    root.set(table, Value::Table{});
  change(*root.find(table), path.substr(dot + 1), std::move(value));
}

Result<RunSummary> run_trial(const TrialRecipe& trial, const std::string& folder,
                             const TrialContext& context) {
  CW_ASSIGN(const Recipe recipe, read(trial, folder));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", folder, error.message());
  CW_ASSIGN(auto run, Run::make(recipe, context.clock, 0));
  if (!list_checkpoints(folder).empty()) CW_TRY(run->resume());
  CW_TRY(write_file_atomically(folder + "/recipe.toml", to_toml(recipe.resolved())));
  CW_ASSIGN(RunSummary summary, run->go(context.listeners, context.stop));
  if (!summary.finished)
    return failure(Fault::kTimeout, "{}: stopped after {} of {} steps; the same command goes on",
                   folder, summary.steps, recipe.run.steps);
  return summary;
}

}  // namespace causeway
