// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/clock.h"
#include "record/words.h"
#include "sim/auditor.h"
#include "sim/run.h"
#include "train/recipe_course.h"
#include "train/team.h"

namespace causeway {
namespace {

struct SimArguments {
  std::vector<std::string> paths;
  int64_t seed = -1;
  bool timeline = false, json = false;
};

struct SimRow {
  std::string name, path;
  int64_t seed = 0;
  double seconds = 0;
  Outcome outcome;
};

nlohmann::json json_of(const SimRow& row, bool timeline) {
  nlohmann::json out = {{"name", row.name},
                        {"path", row.path},
                        {"seed", row.seed},
                        {"passed", row.outcome.passed()},
                        {"wrong", row.outcome.wrong},
                        {"rounds_committed", row.outcome.committed},
                        {"rounds_aborted", row.outcome.aborted},
                        {"virtual_seconds", static_cast<double>(row.outcome.virtual_us) * 1e-6},
                        {"events", row.outcome.events},
                        {"seconds", row.seconds},
                        {"history", row.outcome.history.hex()}};
  if (timeline) out["timeline"] = row.outcome.timeline;
  return out;
}

void print_people(const SimRow& row, bool timeline) {
  fmt::print("{:<34.34} {:>12} {:>6} {:>7} {:>10.1f} {:>8.2f}  {}\n", printable_text(row.name),
             row.seed, row.outcome.committed, row.outcome.aborted,
             static_cast<double>(row.outcome.virtual_us) * 1e-6, row.seconds,
             row.outcome.passed() ? "passed" : "FAILED");
  if (timeline || !row.outcome.passed())
    for (const std::string& line : row.outcome.timeline) fmt::print("  {}\n", printable_text(line));
  for (const std::string& wrong : row.outcome.wrong) fmt::print("  {}\n", printable_text(wrong));
  if (!row.outcome.passed()) fmt::print("  again: causeway sim {} --seed {}\n", row.path, row.seed);
}

/// Which one is being run, on a terminal only.
void print_progress(size_t index, size_t count, const std::string& name) {
  if (isatty(STDERR_FILENO) == 0) return;
  fmt::print(stderr, "\r\x1b[K");
  if (index < count) fmt::print(stderr, "{}/{} {} ", index + 1, count, printable_text(name));
}

/// What a scenario trains, with all that it borrows, and who watches.
struct Lesson {
  Recipe recipe;
  const SystemClock clock;
  std::unique_ptr<Course> course;
  Auditor auditor;

  int prepare(const Scenario& scenario, const std::string& file) {
    Mistakes mistakes;
    if (scenario.recipe.empty()) {
      course = make_course(scenario, mistakes);
      return course == nullptr ? tell_mistakes(file, mistakes) : kDone;
    }
    std::vector<std::string> assignments = scenario.set;
    assignments.push_back(fmt::format("run.seed={}", scenario.seed));
    assignments.push_back(fmt::format("run.steps={}", scenario.steps));
    assignments.push_back(fmt::format("sync.workers={}", scenario.workers));
    recipe = load_recipe(scenario.recipe, assignments, mistakes);
    if (!mistakes.empty()) return tell_mistakes(scenario.recipe, mistakes);
    auto made = RecipeCourse::make(recipe, clock);
    if (!made) return tell_error(made.error());
    course = *std::move(made);
    return kDone;
  }
};

int sim(const SimArguments& arguments) {
  prepare_compute_thread();
  const auto files = scenario_files(arguments.paths);
  if (!files) return tell_error(files.error());
  Mistakes mistakes;
  std::vector<Scenario> scenarios;
  for (const std::string& file : *files) {
    scenarios.push_back(load_scenario(file, mistakes));
    if (arguments.seed >= 0) scenarios.back().seed = arguments.seed;
  }
  if (!mistakes.empty()) return tell_mistakes("the scenarios", mistakes);
  const SystemClock clock;
  size_t failed = 0;
  if (!arguments.json)
    fmt::print("{:<34} {:>12} {:>6} {:>7} {:>10} {:>8}  result\n", "scenario", "seed", "rounds",
               "aborted", "virtual s", "seconds");
  for (size_t i = 0; i < scenarios.size(); ++i) {
    const Scenario& scenario = scenarios[i];
    print_progress(i, scenarios.size(), scenario.name);
    const int64_t began_ns = clock.now_ns();
    Lesson lesson;
    if (const int code = lesson.prepare(scenario, (*files)[i]); code != kDone) return code;
    SimRow row{scenario.name, (*files)[i], scenario.seed, 0,
               run_scenario(scenario, *lesson.course, {{&lesson.auditor}})};
    row.seconds = static_cast<double>(clock.now_ns() - began_ns) * 1e-9;
    if (!row.outcome.passed()) ++failed;
    if (arguments.json)
      fmt::print("{}\n", json_of(row, arguments.timeline).dump());
    else
      print_people(row, arguments.timeline);
    std::fflush(stdout);
  }
  print_progress(scenarios.size(), scenarios.size(), "");
  if (!arguments.json) fmt::print("{} passed, {} failed\n", scenarios.size() - failed, failed);
  return failed == 0 ? kDone : kFailed;
}

}  // namespace

void add_sim(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<SimArguments>();
  CLI::App* command = app.add_subcommand(
      "sim", "Run scenarios: a hub and workers in virtual time, with faults, from one seed.");
  command->add_option("PATH", arguments->paths, "Scenarios (TOML), or folders of them")->required();
  command->add_option("--seed", arguments->seed, "Instead of each scenario's own")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--timeline", arguments->timeline,
                    "Print what happened, also if all went well");
  command->add_flag("--json", arguments->json, "For machines: a line for each scenario");
  command->footer("Example: causeway sim scenarios/");
  command->callback([arguments, &exit_code] { exit_code = sim(*arguments); });
}

}  // namespace causeway
