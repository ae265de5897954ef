// SPDX-License-Identifier: Apache-2.0
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/stop.h"
#include "core/clock.h"
#include "record/record.h"
#include "train/checkpoint.h"
#include "train/explain.h"
#include "train/run.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

struct TrainArguments {
  std::string recipe, out, trace;
  std::vector<std::string> assignments;
  bool resume = false, overwrite = false, json = false;
};

/// The folder must be new, or the user must say what is to happen to the run in it.
Result<void> claim_folder(const std::string& folder, const TrainArguments& arguments) {
  std::error_code error;
  const bool taken = fs::exists(folder + "/recipe.toml", error);
  if (taken && !arguments.resume && !arguments.overwrite)
    return failure(Fault::kBadInput,
                   "{} has a run already: give --resume to go on with it, --overwrite to throw it "
                   "away, or another --out",
                   folder);
  if (arguments.overwrite)
    for (const char* name :
         {"checkpoints", "model", "personal", "log.sqlite", "log.sqlite-wal", "log.sqlite-shm"})
      fs::remove_all(folder + "/" + name, error);
  if (arguments.overwrite)
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (entry.path().filename().string().starts_with("events.out.tfevents."))
        fs::remove(entry.path(), error);
  error.clear();
  fs::create_directories(folder, error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", folder, error.message());
  return {};
}

Result<std::vector<std::unique_ptr<Listener>>> make_listeners(const Recipe& recipe,
                                                              const TrainArguments& arguments,
                                                              const Clock& clock) {
  const std::string folder = recipe.folder();
  std::vector<std::unique_ptr<Listener>> out;
  ProgressOptions shown;
  shown.out = stdout;
  shown.terminal = isatty(STDOUT_FILENO) == 1;
  shown.json = arguments.json;
  shown.width = terminal_width();
  CW_ASSIGN(auto log, sqlite_log(folder + "/log.sqlite", clock));
  CW_ASSIGN(auto events, tensorboard_events(folder, clock));
  out.push_back(std::move(log));
  out.push_back(std::move(events));
  out.push_back(html_report(folder + "/report.html"));
  if (!arguments.trace.empty()) {
    CW_ASSIGN(auto trace, trace_file(arguments.trace));
    out.push_back(std::move(trace));
  }
  out.push_back(progress(shown, clock));
  return out;
}

int train(const TrainArguments& arguments) {
  const int64_t program_bytes = program_memory_bytes();
  Mistakes mistakes;
  Recipe recipe = load_recipe(arguments.recipe, arguments.assignments, mistakes);
  if (!mistakes.empty()) return tell_mistakes(arguments.recipe, mistakes);
  if (recipe.exchange.kind == ExchangeKind::kHub)
    return tell_error(
        {Fault::kBadInput, arguments.recipe +
                               ": exchange.kind is \"hub\": `causeway hub` trains it, or `causeway "
                               "local`; or in one process with --set exchange.kind=local"});
  if (!arguments.out.empty()) recipe.run.folder = arguments.out;

  const SystemClock clock;
  auto run = Run::make(recipe, clock, program_bytes);
  if (!run) return tell_error(run.error());
  if (auto claimed = claim_folder(recipe.folder(), arguments); !claimed)
    return tell_error(claimed.error());
  if (arguments.resume)
    if (auto resumed = (*run)->resume(); !resumed) return tell_error(resumed.error());
  if (auto kept =
          write_file_atomically(recipe.folder() + "/recipe.toml", to_toml(recipe.resolved()));
      !kept)
    return tell_error(kept.error());

  auto owned = make_listeners(recipe, arguments, clock);
  if (!owned) return tell_error(owned.error());
  std::vector<Listener*> listeners;
  for (const auto& listener : *owned) listeners.push_back(listener.get());
  const auto summary = (*run)->go(listeners, stop_on_signals());
  if (!summary) return tell_error(summary.error());
  return summary->finished ? kDone : kLeftEarly;
}

}  // namespace

void add_train(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<TrainArguments>();
  CLI::App* command = app.add_subcommand("train", "Train the model of a recipe, in this process.");
  command->add_option("RECIPE", arguments->recipe, "The run as TOML")->required();
  command
      ->add_option("--set", arguments->assignments,
                   "Change the recipe: --set sync.period=64 (may be repeated)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command->add_option("--out", arguments->out, "Folder of the run (default: runs/NAME)");
  command->add_option("--trace", arguments->trace,
                      "Write a JSON line for each step and worker to this file");
  CLI::Option* resume = command->add_flag("--resume", arguments->resume,
                                          "Go on from the last checkpoint, if there is one");
  command->add_flag("--overwrite", arguments->overwrite, "Throw away an older run in the folder")
      ->excludes(resume);
  command->add_flag("--json", arguments->json, "Progress as JSON lines");
  command->footer(
      "Exit codes: 0 done, 1 failed, 2 bad usage or recipe, 75 left early, may be resumed.\n"
      "Example: causeway train examples/four-sites.toml --set sync.preset=diloco --out runs/a");
  command->callback([arguments, &exit_code] { exit_code = train(*arguments); });
}

}  // namespace causeway
