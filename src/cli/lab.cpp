// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/lab_experiments.h"
#include "cli/stop.h"
#include "core/durable.h"
#include "core/toml.h"
#include "lab/personal.h"
#include "lab/tokenizers.h"
#include "record/words.h"
#include "train/team.h"

namespace causeway {
namespace {

/// One line for each trial: live on a terminal, else when it ends.
class TrialProgress final : public Listener {
 public:
  explicit TrialProgress(const Clock& clock) : clock_(clock), live_(isatty(STDERR_FILENO) == 1) {}

  void on_start(const RunInfo& info) override {
    name_ = info.folder;
    steps_ = info.steps;
    first_ = info.first_step;
    began_ns_ = clock_.now_ns();
  }
  void on_step(const StepReport& report) override { step_ = report.step; }
  void on_tick() override {
    if (!live_) return;
    const double seconds = static_cast<double>(clock_.now_ns() - began_ns_) * 1e-9;
    const double done = static_cast<double>(step_ - first_);
    const double left = done > 0 ? seconds / done * static_cast<double>(steps_ - step_) : -1;
    fmt::print(stderr, "\r\x1b[K{}: step {} of {}, {} left", printable_text(name_), step_, steps_,
               duration_text(left));
    std::fflush(stderr);
  }
  void on_notice(Notice, const std::string& text) override {
    fmt::print(stderr, "{}{}\n", live_ ? "\r\x1b[K" : "", printable_text(text));
  }
  void on_end(const RunSummary& summary) override {
    fmt::print(stderr, "{}{}: {} steps in {}\n", live_ ? "\r\x1b[K" : "", printable_text(name_),
               summary.steps, duration_text(summary.seconds));
  }

 private:
  const Clock& clock_;
  const bool live_;
  std::string name_;
  int64_t step_ = 0, steps_ = 0, first_ = 0, began_ns_ = 0;
};

struct Trials {
  SystemClock clock;
  TrialProgress progress{clock};
  TrialContext context{clock, stop_on_signals(), {&progress}};

  Trials() { prepare_compute_thread(); }
};

int tell_trial_error(const Error& error) {
  const int code = tell_error(error);
  return error.fault == Fault::kTimeout ? kLeftEarly : code;
}

struct PersonalArguments {
  std::string run;
  PersonalOptions options;
  bool json = false;
};

int personal(const PersonalArguments& arguments) {
  if (const Mistakes mistakes = mistakes_of(arguments.options); !mistakes.empty())
    return tell_mistakes("the options", mistakes);
  const Trials trials;
  const auto report = personalise(arguments.run, arguments.options, trials.context);
  if (!report) return tell_trial_error(report.error());
  const std::string folder = arguments.run + "/personal";
  for (const auto& [name, text] : {std::pair{"personal.json", personal_json(*report)},
                                   {"personal.html", personal_html(*report)}})
    if (auto written = write_file_atomically(folder + "/" + name, text); !written)
      return tell_error(written.error());
  if (arguments.json) {
    fmt::print("{}", personal_json(*report));
    return kDone;
  }
  fmt::print("{:<16} {:>10} {:>10} {:>10}   bits per byte\n", "site", "shared", "alone", "tuned");
  for (const PersonalRow& row : report->rows)
    fmt::print("{:<16} {:>10.4f} {:>10.4f} {:>10.4f}\n", printable_text(row.site), row.shared,
               row.alone, row.tuned);
  fmt::print("\nalone: {} steps on the site; tuned: {} steps of the run, then {} on the site\n{}\n",
             report->run_steps + report->tune_steps, report->run_steps, report->tune_steps,
             folder + "/personal.html");
  return kDone;
}

struct TokenizersArguments {
  std::string recipe, out;
  std::vector<std::string> assignments;
  TokenizersOptions options;
  bool json = false;
};

void print_people(const std::vector<TokenizerRow>& rows) {
  fmt::print("{:<10} {:>10} {:>11} {:>11} {:>9}", "tokenizer", "vocabulary", "parameters",
             "bytes/token", "all");
  for (const auto& [site, bits] : rows.front().sites) fmt::print(" {:>9.9}", site);
  fmt::print("   bits per byte\n");
  for (const TokenizerRow& row : rows) {
    fmt::print("{:<10} {:>10} {:>11} {:>11.2f} {:>9.4f}", row.tokenizer, row.vocabulary,
               row.parameters, row.bytes_per_token, row.bits_per_byte);
    for (const auto& [site, bits] : row.sites) fmt::print(" {:>9.4f}", bits);
    fmt::print("\n");
  }
}

nlohmann::json json_of(const TokenizerRow& row) {
  nlohmann::json sites = nlohmann::json::object();
  for (const auto& [site, bits] : row.sites) sites[site] = bits;
  return {{"tokenizer", row.tokenizer},
          {"vocabulary", row.vocabulary},
          {"parameters", row.parameters},
          {"bytes_per_token", row.bytes_per_token},
          {"bits_per_byte", row.bits_per_byte},
          {"sites", std::move(sites)},
          {"seconds", row.seconds}};
}

int tokenizers(const TokenizersArguments& arguments) {
  Mistakes mistakes = mistakes_of(arguments.options.learn);
  if (!mistakes.empty()) return tell_mistakes("the options", mistakes);
  TrialRecipe recipe{parse_toml_file(arguments.recipe, mistakes),
                     std::filesystem::path(arguments.recipe).parent_path().string()};
  for (const std::string& assignment : arguments.assignments)
    set_path(recipe.root, assignment, mistakes);
  if (!mistakes.empty()) return tell_mistakes(arguments.recipe, mistakes);
  const Trials trials;
  const auto rows = compare_tokenizers(recipe, arguments.out, arguments.options, trials.context);
  if (!rows) return tell_trial_error(rows.error());
  if (arguments.json)
    for (const TokenizerRow& row : *rows) fmt::print("{}\n", json_of(row).dump());
  else
    print_people(*rows);
  return kDone;
}

}  // namespace

void add_lab(CLI::App& app, int& exit_code) {
  CLI::App* family = app.add_subcommand("lab", "Experiments that compare several runs.");
  family->require_subcommand(1);
  family->footer(
      "Example: causeway lab bytes --quick\n"
      "         causeway lab personal runs/four-sites");
  add_experiments(*family, exit_code);

  auto one = std::make_shared<PersonalArguments>();
  CLI::App* command = family->add_subcommand(
      "personal",
      "Shared model, a model of each site alone, and the shared one tuned on the site.");
  command->add_option("RUN", one->run, "Folder of a finished run of several sites")->required();
  one->options.each(FlagForEachOption{*command});
  command->add_flag("--json", one->json, "For machines");
  command->footer(
      "Interrupted, the same command goes on.\n"
      "Example: causeway lab personal runs/four-sites --steps 200");
  command->callback([one, &exit_code] { exit_code = personal(*one); });

  auto three = std::make_shared<TokenizersArguments>();
  CLI::App* compare = family->add_subcommand(
      "tokenizers", "Bytes, a tokenizer learnt by the sites together, and one of pooled text.");
  compare->add_option("RECIPE", three->recipe, "A recipe with sites of text")->required();
  compare->add_option("--out", three->out, "Folder of the experiment")->required();
  compare->add_option("--set", three->assignments, "Change the recipe (may be repeated)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  three->options.learn.each(FlagForEachOption{*compare});
  three->options.sharing.each(FlagForEachOption{*compare});
  compare->add_flag("--json", three->json, "For machines");
  compare->footer(
      "Interrupted, the same command goes on.\n"
      "Example: causeway lab tokenizers examples/languages.toml --vocabulary 2048 "
      "--out runs/tokenizers");
  compare->callback([three, &exit_code] { exit_code = tokenizers(*three); });
}

}  // namespace causeway
