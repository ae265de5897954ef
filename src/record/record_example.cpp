// SPDX-License-Identifier: Apache-2.0
//
// record_example FOLDER [resume]: writes all that a run leaves for a synthetic run of 400 steps
// with 3 sites and 4 workers, and shows its progress. It stops at step 250; with `resume` it goes
// on from step 200 to the end. The values are formulas of step and worker, so that a test knows
// them.
#include <cmath>
#include <cstring>
#include <numbers>

#include "record/record.h"

namespace causeway {
namespace {

constexpr int64_t kSteps = 400, kStopStep = 250, kResumeStep = 200, kPeriod = 16;
constexpr int64_t kTokensPerStep = 4096, kParameters = 3'300'000;
constexpr int64_t kUpBytes = kParameters, kDownBytes = kParameters;  // int8, about

RunInfo example_info(const std::string& folder, int64_t first_step) {
  RunInfo info;
  info.name = "three-coasts </script> & friends";
  info.folder = folder;
  info.recipe_toml =
      "[run]\nname = \"three-coasts\"\nseed = 1\nsteps = 400\n\n[model]\npreset = \"llama\"\n"
      "layers = 4\nwidth = 192\n\n[sync]\npreset = \"des_loc\"\nworkers = 4\nperiod = 16\n"
      "# <script>alert(1)</script> & \"quotes\"\n";
  info.method = "des_loc";
  info.sites = {{"dickens", 2'400'000, 60'000},
                {"austen", 1'100'000, 42'000},
                {"br\u00fcder-grimm", 800'000, 30'000}};
  info.worker_sites = {0, 0, 1, 2};
  info.channels = {{"parameters", "parameters", "all", "int8", "int8", kParameters, kPeriod,
                    kUpBytes, kDownBytes},
                   {"first", "first_moment", "all", "int8", "int8", kParameters, 3 * kPeriod,
                    kUpBytes, kDownBytes},
                   {"second", "second_moment", "all", "int8", "int8", kParameters, 6 * kPeriod,
                    kUpBytes, kDownBytes}};
  info.parameters = kParameters;
  info.steps = kSteps;
  info.first_step = first_step;
  info.tokens_per_step = kTokensPerStep;
  info.ddp_bytes_per_step = 2 * 4 * 4 * kParameters;
  info.predicted_bytes = 4 * (kUpBytes + kDownBytes) * (25 + 8 + 4);
  info.predicted_memory_bytes = 610'000'000;
  return info;
}

double loss_at(int64_t step, int32_t worker) {
  const auto s = static_cast<double>(step);
  return 1.2 + 4.2 * std::exp(-s / 60) + 0.1 * worker + 0.06 * std::sin(1.7 * s + worker);
}

ValidReport valid_at(int64_t step, size_t site, const std::string& name) {
  const double nats =
      1.25 + 4.2 * std::exp(-static_cast<double>(step) / 60) + 0.12 * static_cast<double>(site);
  return {step, name, nats, nats / std::numbers::ln2, 30'000};
}

RoundReport round_at(int64_t step) {
  RoundReport report{.round = step / kPeriod, .step = step, .channels = {"parameters"}};
  if (report.round % 3 == 0) report.channels.push_back("first");
  if (report.round % 6 == 0) report.channels.push_back("second");
  for (int32_t worker = 0; worker < 4; ++worker) {
    if (report.round % 7 == 5 && worker == 2)
      report.dropped.emplace_back(worker, "no heartbeat for 30 s");
    else
      report.members.emplace_back(worker, kTokensPerStep * kPeriod);
  }
  report.committed = report.round != 11;
  if (!report.committed) {
    for (const auto& [worker, weight] : report.members)
      if (worker > 0) report.dropped.emplace_back(worker, "offer is corrupt <b>");
    report.members.clear();
  }
  const auto sent = static_cast<int64_t>(report.members.size() * report.channels.size());
  report.up_bytes = sent * (kUpBytes + 1200);
  report.down_bytes = sent * (kDownBytes + 900);
  report.fold_seconds = 0.02;
  return report;
}

struct Example {
  std::vector<std::unique_ptr<Listener>> listeners;
  ManualClock clock;

  template <class Call>
  void tell(Call call) {
    for (const auto& listener : listeners) call(*listener);
  }
  void valid(const RunInfo& info, int64_t step, std::vector<ValidReport>& reports) {
    reports.clear();
    for (size_t site = 0; site < info.sites.size(); ++site) {
      reports.push_back(valid_at(step, site, info.sites[site].name));
      tell([&](Listener& l) { l.on_valid(reports.back()); });
    }
  }
  void step(int64_t step, RunSummary& summary);
  void run(const RunInfo& info, int64_t last_step);
};

void Example::step(int64_t step, RunSummary& summary) {
  for (int32_t worker = 0; worker < 4; ++worker) {
    clock.advance_ns(20'000'000);
    const StepReport report{.worker = worker,
                            .step = step,
                            .loss = loss_at(step, worker),
                            .gradient_norm = 1.0 / static_cast<double>(step),
                            .rate = 2e-3,
                            .tokens = step * kTokensPerStep,
                            .seconds = 0.08};
    tell([&](Listener& l) { l.on_step(report); });
  }
  if (step % kPeriod == 0) {
    const RoundReport report = round_at(step);
    summary.up_bytes += report.up_bytes;
    summary.down_bytes += report.down_bytes;
    tell([&](Listener& l) { l.on_round(report); });
  }
  tell([](Listener& l) { l.on_tick(); });
}

void Example::run(const RunInfo& info, int64_t last_step) {
  RunSummary summary;
  tell([&](Listener& l) { l.on_start(info); });
  valid(info, info.first_step, summary.first_valid);
  for (int64_t at = info.first_step + 1; at <= last_step; ++at) {
    step(at, summary);
    if (at % 50 == 0) valid(info, at, summary.last_valid);
    if (at == 120)
      tell([](Listener& l) { l.on_notice(Notice::kWarning, "austen: worker 2 is slow"); });
  }
  summary.finished = last_step == kSteps;
  summary.steps = last_step;
  summary.seconds = static_cast<double>(clock.now_ns()) / 1e9;
  summary.weights_digest = "00112233445566778899aabbccddeeff";
  summary.ddp_bytes = info.ddp_bytes_per_step * last_step;
  summary.peak_memory_bytes = 590'000'000;
  for (size_t site = 0; site < info.sites.size(); ++site)
    summary.yardstick.emplace_back(info.sites[site].name, 2.4 + 0.15 * static_cast<double>(site));
  summary.sample =
      "It was the best of tides, it was the worst of tides;\nthe <causeway> lay bare, and the "
      "carts went over.</script>";
  summary.checkpoint = info.folder + "/checkpoints/400";
  tell([&](Listener& l) { l.on_end(summary); });
}

Result<void> write_example(const std::string& folder, bool resume) {
  Example example;
  auto& listeners = example.listeners;
  CW_ASSIGN(auto sqlite, sqlite_log(folder + "/log.sqlite", example.clock));
  listeners.push_back(std::move(sqlite));
  CW_ASSIGN(auto events, tensorboard_events(folder, example.clock));
  listeners.push_back(std::move(events));
  CW_ASSIGN(auto trace, trace_file(folder + "/trace.jsonl"));
  listeners.push_back(std::move(trace));
  listeners.push_back(html_report(folder + "/report.html"));
  listeners.push_back(progress({.out = stdout}, example.clock));
  example.run(example_info(folder, resume ? kResumeStep : 0), resume ? kSteps : kStopStep);
  return {};
}

}  // namespace
}  // namespace causeway

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const bool resume = argc > 2 && std::strcmp(argv[2], "resume") == 0;
  const auto written = causeway::write_example(argv[1], resume);
  if (!written) std::fprintf(stderr, "%s\n", written.error().message.c_str());
  return written.ok() ? 0 : 1;
}
