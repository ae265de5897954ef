// SPDX-License-Identifier: Apache-2.0
//
// fuzz_protocol: runs random worlds until one fails, and makes that one small.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "sim/fuzz.h"
#include "sim/random_scenario.h"
#include "sim/shrink.h"

namespace causeway {
namespace {

constexpr std::string_view kUsage =
    R"(usage: fuzz_protocol [OPTION ...]

Runs random worlds, each twice, until one fails; that one is made smaller and shown.

  --seeds N        how many (1000)
  --from K         the first seed (1)
  --processes N    how many run at once (one for each core)
  --seed K         this world alone
  --scenario FILE  the world of this file alone
  --timeline       with --seed or --scenario: show what happens in it
  --toml           with --seed: print its scenario and run nothing
  --no-shrink      show a failure as it is
  --no-coverage    leave out the table of what was seen

Exit status 0: nothing is wrong; 1: a world fails; 2: bad usage.
)";

constexpr size_t kLinesShown = 40, kLinesAll = 100'000;
constexpr int kSecondsMax = 120;
constexpr int64_t kShrinkRuns = 400;

struct Arguments {
  FuzzOptions fuzz;
  std::optional<uint64_t> seed;
  std::string scenario;
  bool timeline = false, toml = false, shrink = true, coverage = true;
};

bool read_number(std::string_view text, int64_t low, int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= low;
}

/// What is wrong with the arguments, or nothing.
std::string read_arguments(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--timeline") {
      out.timeline = true;
    } else if (name == "--toml") {
      out.toml = true;
    } else if (name == "--no-shrink") {
      out.shrink = false;
    } else if (name == "--no-coverage") {
      out.coverage = false;
    } else if (name == "--scenario" && i + 1 < argc) {
      out.scenario = argv[++i];
    } else if (name == "--seeds" || name == "--from" || name == "--processes" || name == "--seed") {
      const std::string_view text = i + 1 < argc ? argv[++i] : "";
      const int64_t low = name == "--seed" || name == "--from" ? 0 : 1;
      int64_t number = 0;
      if (!read_number(text, low, number))
        return fmt::format("{} {}: wanted a number from {} on", name, text, low);
      if (name == "--seeds") out.fuzz.count = number;
      if (name == "--from") out.fuzz.from = static_cast<uint64_t>(number);
      if (name == "--processes")
        out.fuzz.processes = static_cast<int>(std::min<int64_t>(number, 256));
      if (name == "--seed") out.seed = static_cast<uint64_t>(number);
    } else {
      return fmt::format("no option {}", name);
    }
  }
  return {};
}

// ---- One world.

void show_timeline(const Verdict& verdict, size_t lines) {
  const size_t count = std::min(lines, verdict.timeline.size());
  for (size_t i = verdict.timeline.size() - count; i < verdict.timeline.size(); ++i)
    fmt::print("{}\n", verdict.timeline[i]);
}

void show_wrong(std::string_view name, const Verdict& verdict) {
  for (const std::string& wrong : verdict.wrong) fmt::print("{}: {}\n", name, wrong);
}

/// What is wrong first, without its numbers, so that one failure does not turn into another.
std::string kind_of(const Verdict& verdict) {
  std::string out = verdict.wrong.empty() ? "" : verdict.wrong.front();
  std::erase_if(out, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return out;
}

/// Shows a failure; makes it small first, if that is wanted.
void explain(const Scenario& scenario, const Arguments& arguments, std::string_view replay) {
  Verdict verdict = try_apart(scenario, kLinesShown, kSecondsMax);
  if (verdict.wrong.empty()) {
    fmt::print("{}: failed, and does not when it is run alone\n", scenario.name);
    return;
  }
  show_wrong(scenario.name, verdict);
  Scenario small = scenario;
  if (arguments.shrink) {
    const std::string kind = kind_of(verdict);
    const auto fails = [&kind](const Scenario& one) {
      return kind_of(try_apart(one, 0, kSecondsMax)) == kind;
    };
    const Shrunk shrunk = shrink(scenario, fails, kShrinkRuns);
    small = shrunk.scenario;
    verdict = try_apart(small, kLinesShown, kSecondsMax);
    fmt::print("\nmade smaller in {} runs; then:\n", shrunk.runs);
    show_wrong(small.name, verdict);
  }
  fmt::print("\n{}\n", to_toml_text(small));
  show_timeline(verdict, kLinesShown);
  fmt::print("\nthe whole world again: ./run fuzz-protocol {} --timeline\n", replay);
  fmt::print("the one above: ./run fuzz-protocol --scenario FILE --timeline\n");
}

int run_one(const Scenario& scenario, const Arguments& arguments, std::string_view replay) {
  const Verdict verdict =
      try_apart(scenario, arguments.timeline ? kLinesAll : kLinesShown, kSecondsMax);
  if (arguments.timeline) show_timeline(verdict, kLinesAll);
  if (verdict.wrong.empty()) {
    fmt::print("{}: passes; {} events in {:.3f} s of virtual time; history {}\n", scenario.name,
               verdict.events, static_cast<double>(verdict.virtual_us) * 1e-6,
               verdict.history.hex());
    return 0;
  }
  if (arguments.timeline)
    show_wrong(scenario.name, verdict);
  else
    explain(scenario, arguments, replay);
  return 1;
}

// ---- Many.

/// On a terminal one line that is kept up to date; else a line every so often.
class Progress {
 public:
  explicit Progress(int64_t total) : total_(total), live_(isatty(STDERR_FILENO) != 0) {}

  void show(int64_t done) {
    const double now = seconds();
    if (now - shown_ < (live_ ? 0.5 : 10.0) || done == 0 || done == total_) return;
    shown_ = now;
    const double left = now / static_cast<double>(done) * static_cast<double>(total_ - done);
    fmt::print(stderr, "{}{} of {} worlds, {:.1f} a second, {:.0f} s left{}",
               live_ ? "\r\033[K" : "", done, total_, static_cast<double>(done) / now, left,
               live_ ? "" : "\n");
  }
  void end() const {
    if (live_) fmt::print(stderr, "\r\033[K");
  }
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  const int64_t total_;
  const bool live_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  double shown_ = 0;
};

int run_many(Arguments& arguments) {
  Progress progress(arguments.fuzz.count);
  arguments.fuzz.seconds_max = kSecondsMax;
  arguments.fuzz.on_progress = [&progress](int64_t done) { progress.show(done); };
  const FuzzReport report = fuzz(arguments.fuzz);
  progress.end();
  const double seconds = progress.seconds();
  if (report.seed)
    explain(random_scenario(*report.seed), arguments, fmt::format("--seed {}", *report.seed));
  else if (arguments.coverage)
    fmt::print("{}\n", report.coverage.table());
  fmt::print("{} worlds, {} failed, {:.0f} s\n", report.worlds, report.seed ? 1 : 0, seconds);
  return report.seed ? 1 : 0;
}

int main_of(int argc, char** argv) {
  Arguments arguments;
  arguments.fuzz.processes = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  if (argc > 1 && (std::string_view(argv[1]) == "--help" || std::string_view(argv[1]) == "-h")) {
    fmt::print("{}", kUsage);
    return 0;
  }
  if (const std::string wrong = read_arguments(argc, argv, arguments); !wrong.empty()) {
    fmt::print(stderr, "fuzz_protocol: {}\n\n{}", wrong, kUsage);
    return 2;
  }
  if (!arguments.scenario.empty()) {
    Mistakes mistakes;
    const Scenario scenario = load_scenario(arguments.scenario, mistakes);
    if (!mistakes.empty()) {
      fmt::print(stderr, "{}\n", mistakes.text());
      return 2;
    }
    return run_one(scenario, arguments, "--scenario " + arguments.scenario);
  }
  if (!arguments.seed) return run_many(arguments);
  const Scenario scenario = random_scenario(*arguments.seed);
  if (arguments.toml) {
    fmt::print("{}", to_toml_text(scenario));
    return 0;
  }
  return run_one(scenario, arguments, fmt::format("--seed {}", *arguments.seed));
}

}  // namespace
}  // namespace causeway

int main(int argc, char** argv) { return causeway::main_of(argc, argv); }
