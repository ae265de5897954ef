// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab/experiment.h"
#include "lab/methods.h"

namespace causeway {
namespace {

constexpr const char* kData = "ddp";
constexpr const char* kDiloco = "diloco";

/// With the first of them the inner rate is found.
const std::vector<double>& workers_outer_rates() {
  static const std::vector<double> rates{0.4, 0.2, 0.7};
  return rates;
}

std::string workers_series(double outer) { return fmt::format("diloco, outer rate {}", outer); }

/// DiLoCo's scaling laws hold the tokens of a step of all workers together.
std::vector<std::string> split(int64_t workers, int64_t tokens) {
  return {fmt::format("sync.workers={}", workers),
          fmt::format("train.batch_tokens={}", tokens / workers)};
}

std::vector<Arm> workers_arms(const std::vector<int64_t>& counts, int64_t tokens, int64_t period) {
  std::vector<Arm> out{variant_arm(kData, "ddp", 1, split(counts.front(), tokens))};
  for (const double outer : workers_outer_rates())
    for (const int64_t workers : counts) {
      auto set = split(workers, tokens);
      set.push_back(fmt::format(R"(sync.outer={{name="nesterov", lr={}, momentum=0.9}})", outer));
      Arm arm = variant_arm(workers_series(outer), "diloco", period, set);
      arm.x = static_cast<double>(workers);
      // One rate for each number of workers.
      arm.tuned = fmt::format("{} of {}", kDiloco, workers);
      out.push_back(std::move(arm));
    }
  return out;
}

/// The outer rate with the least mean loss.
const ArmResult& best_of(const std::vector<ArmResult>& results, double workers) {
  const ArmResult* best = nullptr;
  for (const double outer : workers_outer_rates()) {
    const ArmResult& one = result_at(results, workers_series(outer), workers);
    if (best == nullptr || one.loss().mean < best->loss().mean) best = &one;
  }
  return *best;
}

double outer_of(const ArmResult& result) {
  for (const double outer : workers_outer_rates())
    if (workers_series(outer) == result.arm.series) return outer;
  return 0;
}

Table workers_table(const std::vector<ArmResult>& results, const std::vector<int64_t>& counts) {
  Table out{"DiLoCo by number of workers, at one number of tokens a step",
            {"workers", "best outer rate", "loss", "beside ddp", "%", "paper, 35M, %"},
            {}};
  const ArmResult& data = result_of(results, kData);
  const std::vector<std::pair<int64_t, std::string>> paper{
      {1, "-0.1"}, {2, "+0.7"}, {4, "+2.0"}, {8, "+3.9"}};
  for (const int64_t workers : counts) {
    const ArmResult& one = best_of(results, static_cast<double>(workers));
    const Interval gap = paired_difference(one.nats(), data.nats());
    std::string said;
    for (const auto& [count, text] : paper)
      if (count == workers) said = text;
    out.rows.push_back({fmt::format("{}", workers), fmt::format("{}", outer_of(one)),
                        interval_text(one.loss()), interval_text(gap),
                        fmt::format("{:+.2f}", 100 * gap.mean / data.loss().mean), said});
  }
  out.rows.push_back({"ddp", "", interval_text(data.loss()), "", "", ""});
  return out;
}

std::vector<Relation> workers_relations(const std::vector<ArmResult>& results,
                                        const std::vector<int64_t>& counts) {
  constexpr const char* kSource = "DiLoCo scaling laws";
  const auto best = [&](int64_t workers) -> const ArmResult& {
    return best_of(results, static_cast<double>(workers));
  };
  std::vector<Relation> out{not_worse("DiLoCo with one worker is not worse than data-parallel",
                                      kSource, best(1), result_of(results, kData))};
  for (size_t i = 1; i < counts.size(); ++i)
    out.push_back(
        not_worse(fmt::format("{} not worse than {}",
                              counts[i - 1] == 1 ? "1 worker is"
                                                 : fmt::format("{} workers are", counts[i - 1]),
                              counts[i]),
                  kSource, best(counts[i - 1]), best(counts[i])));
  const double low = outer_of(best(counts.front())), high = outer_of(best(counts.back()));
  out.push_back(
      {"The best outer rate rises with the number of workers", kSource,
       fmt::format("best {} of {} worker, {} of {}", low, counts.front(), high, counts.back()),
       high > low   ? Verdict::kSeen
       : high < low ? Verdict::kNotSeen
                    : Verdict::kUnclear});
  return out;
}

class WorkersExperiment final : public Experiment {
 public:
  using Options = NoOptions;
  explicit WorkersExperiment(const Options&) {}

  Result<Report> run(Laboratory& laboratory) const override {
    const Scale& scale = laboratory.scale();
    const std::vector<int64_t> counts{1, 2, 4, 8, 16};
    const int64_t tokens = counts.back() * scale.context;
    CW_ASSIGN(const auto results, laboratory.train(workers_arms(counts, tokens, scale.period)));
    std::vector<std::string> names;
    for (const double outer : workers_outer_rates()) names.push_back(workers_series(outer));
    Report report;
    report.setting = {
        fmt::format("Here workers are 1 to {} and share {} tokens a step; the text is mixed.",
                    counts.back(), tokens)};
    report.tables = {workers_table(results, counts)};
    Chart chart = chart_of_series(results, names, "DiLoCo by number of workers", "workers");
    chart.lines.push_back({result_of(results, kData).loss().mean, "ddp"});
    report.charts = {{"workers", std::move(chart)}};
    report.relations = workers_relations(results, counts);
    report.trainings_json = trainings_json(results);
    return report;
  }
};

}  // namespace

extern const Entry<Experiment> experiments_workers;
const Entry<Experiment> experiments_workers = entry<Experiment, WorkersExperiment>(
    "workers", "What do more workers cost at the same tokens?");

}  // namespace causeway
