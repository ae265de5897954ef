// SPDX-License-Identifier: Apache-2.0
#include "cli/lab_experiments.h"

#include <unistd.h>

#include "cli/command.h"
#include "cli/stop.h"
#include "core/clock.h"
#include "lab/experiment.h"
#include "record/words.h"

namespace causeway {
namespace {

/// A line for each training, and on a terminal one that stays, with the time left.
class LabProgress {
 public:
  explicit LabProgress(const Clock& clock)
      : clock_(clock), live_(isatty(STDERR_FILENO) == 1), began_ns_(clock.now_ns()) {}

  void tell(const LabNews& news) {
    if (!news.found) ++trained_;
    const double seconds = static_cast<double>(clock_.now_ns() - began_ns_) * 1e-9;
    const double each = trained_ > 0 ? seconds / static_cast<double>(trained_) : -1;
    const std::string left = duration_text(each * static_cast<double>(news.all - news.done));
    if (live_) fmt::print(stderr, "\r\x1b[K");
    if (!news.found)
      fmt::print(stderr, "{}: {:.4f} nats, {}\n", printable_text(news.what), news.nats,
                 duration_text(news.seconds));
    if (live_)
      fmt::print(stderr, "{} of {} trainings, about {} left", news.done, news.all, left);
    else if (!news.found && trained_ % kLinesBetween == 0)
      fmt::print(stderr, "{} of {} trainings, about {} left\n", news.done, news.all, left);
    std::fflush(stderr);
  }
  void end() const {
    if (live_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  static constexpr int64_t kLinesBetween = 10;

  const Clock& clock_;
  const bool live_;
  const int64_t began_ns_;
  int64_t trained_ = 0;
};

struct ExperimentArguments {
  LabOptions options;
  bool quick = false, json = false;
  std::string out;
};

void print_people(const Report& report, const std::string& folder) {
  fmt::print("{}", report_markdown(report));
  fmt::print("\n{}/report.html\n", folder);
}

int run(const Entry<Experiment>& entry, const ExperimentArguments& arguments) {
  if (const Mistakes mistakes = mistakes_of(arguments.options); !mistakes.empty())
    return tell_mistakes("the options", mistakes);
  Mistakes mistakes;
  const auto experiment = entry.make({}, mistakes);
  const std::string folder = !arguments.out.empty() ? arguments.out
                                                    : fmt::format("runs/lab/{}{}", entry.name,
                                                                  arguments.quick ? "-quick" : "");
  const SystemClock clock;
  LabProgress progress(clock);
  auto laboratory = Laboratory::make(arguments.options, experiment->scale(arguments.quick), folder,
                                     clock, stop_on_signals(),
                                     [&progress](const LabNews& news) { progress.tell(news); });
  if (!laboratory) return tell_error(laboratory.error());
  const auto report = run_experiment(entry, *experiment, *laboratory, folder);
  progress.end();
  if (!report) {
    const int code = tell_error(report.error());
    if (report.error().fault != Fault::kTimeout) return code;
    fmt::print(stderr, "the same command goes on\n");
    return kLeftEarly;
  }
  if (arguments.json)
    fmt::print("{}", report_json(*report));
  else
    print_people(*report, folder);
  return kDone;
}

void add_experiment(CLI::App& family, const Entry<Experiment>& entry, int& exit_code) {
  auto arguments = std::make_shared<ExperimentArguments>();
  CLI::App* command = family.add_subcommand(std::string(entry.name), std::string(entry.summary));
  command->add_flag("--quick", arguments->quick, "A small model and short trainings: a first look");
  arguments->options.each(FlagForEachOption{*command});
  command->add_option("--out", arguments->out,
                      "Folder of the experiment; runs/lab/NAME if it is left out");
  command->add_flag("--json", arguments->json, "For machines");
  command->footer(fmt::format(
      "Writes results.json, results.md, report.html and plots. Interrupted, the same command goes "
      "on.\nExample: causeway lab {} --quick",
      entry.name));
  command->callback([arguments, &entry, &exit_code] { exit_code = run(entry, *arguments); });
}

}  // namespace

void add_experiments(CLI::App& family, int& exit_code) {
  for (const Entry<Experiment>* entry : experiments()) add_experiment(family, *entry, exit_code);
}

}  // namespace causeway
