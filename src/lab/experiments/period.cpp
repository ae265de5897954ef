// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab/experiment.h"
#include "lab/methods.h"

namespace causeway {
namespace {

using Periods = std::vector<int64_t>;

constexpr const char* kSlow = "mt_dao, beta 0.995";
constexpr const char* kHalfLife = "des_loc (6K, 3K)";

const std::vector<std::string>& period_methods() {
  static const std::vector<std::string> names{"mt_dao", "des_loc", "local_adam", "diloco",
                                              "fedavg"};
  return names;
}

std::vector<Arm> period_arms(int64_t period) {
  std::vector<Arm> out;
  for (const std::string& name : period_methods()) out.push_back(method_arm(name, period));
  out.push_back(variant_arm(
      kSlow, "mt_dao", period,
      {R"(train.optimizer={name="qh_adopt", betas=[0.995], omegas=[0.9], weight_decay=0.1})"}));
  out.push_back(variant_arm(kHalfLife, "des_loc", period,
                            {fmt::format("sync.periods={{u={}, v={}}}", 6 * period, 3 * period)}));
  for (Arm& arm : out) arm.x = static_cast<double>(period);
  return out;
}

std::string outer_series(double rate) { return fmt::format("diloco, outer rate {}", rate); }

const std::vector<double>& period_outer_rates() {
  static const std::vector<double> rates{0.3, 0.5, 0.7, 1.0};
  return rates;
}

std::vector<Arm> outer_arms(int64_t period) {
  std::vector<Arm> out;
  for (const double rate : period_outer_rates()) {
    Arm arm =
        variant_arm(outer_series(rate), "diloco", period,
                    {fmt::format(R"(sync.outer={{name="nesterov", lr={}, momentum=0.9}})", rate)});
    arm.x = static_cast<double>(period);
    arm.tuned = "diloco";
    out.push_back(std::move(arm));
  }
  return out;
}

/// Of each seed: the loss at `period` beside that at `first`, as a part of it.
std::vector<double> worse_by(const std::vector<ArmResult>& results, const std::string& series,
                             int64_t first, int64_t period) {
  const auto a = result_at(results, series, static_cast<double>(first)).nats();
  auto b = result_at(results, series, static_cast<double>(period)).nats();
  for (size_t i = 0; i < b.size(); ++i) b[i] = 100 * (b[i] / a[i] - 1);
  return b;
}

double best_outer(const std::vector<ArmResult>& results, int64_t period) {
  double best = 0, least = std::numeric_limits<double>::infinity();
  for (const double rate : period_outer_rates()) {
    const double loss =
        result_at(results, outer_series(rate), static_cast<double>(period)).loss().mean;
    if (loss >= least) continue;
    least = loss;
    best = rate;
  }
  return best;
}

Relation outer_rises(const std::vector<ArmResult>& results, const Periods& periods) {
  const double low = best_outer(results, periods.front());
  const double high = best_outer(results, periods.back());
  return {
      "The best outer rate rises with H", "DiLoCo scaling laws",
      fmt::format("best {} at H = {}, {} at H = {}", low, periods.front(), high, periods.back()),
      high > low   ? Verdict::kSeen
      : high < low ? Verdict::kNotSeen
                   : Verdict::kUnclear};
}

/// That `a` gets worse from the first period to the last by at most what `b` does.
Relation degrades_less(const std::vector<ArmResult>& results, const Periods& periods,
                       const std::string& a, const std::string& b, const std::string& source) {
  const Interval more = paired_difference(worse_by(results, a, periods.front(), periods.back()),
                                          worse_by(results, b, periods.front(), periods.back()));
  return {fmt::format("{} degrades less than {} from H = {} to {}", a, b, periods.front(),
                      periods.back()),
          source, interval_text(more, 2) + " percentage points", below(more, 0)};
}

std::vector<Relation> period_relations(const std::vector<ArmResult>& results,
                                       const Periods& periods) {
  std::vector<Relation> out;
  for (const char* other : {"des_loc", "local_adam", "diloco", "fedavg"})
    out.push_back(degrades_less(results, periods, "mt_dao", other, "MT-DAO"));
  out.push_back(degrades_less(results, periods, kSlow, "mt_dao", "MT-DAO"));
  const auto middle = static_cast<double>(periods[1]);
  const auto at = [&](const std::string& name) -> const ArmResult& {
    return result_at(results, name, middle);
  };
  out.push_back(about_equal(fmt::format("(K, 3K, 6K) is as good as Local Adam, at K = {}", middle),
                            "DES-LOC", at("des_loc"), at("local_adam")));
  out.push_back(at_least("... with half of its bytes", "DES-LOC",
                         at("local_adam").bytes() / at("des_loc").bytes(), 1.9, "times fewer"));
  out.push_back(not_worse("(K, 3K, 6K) is not worse than (K, 6K, 3K)", "DES-LOC", at("des_loc"),
                          at(kHalfLife)));
  for (const char* name : {"diloco", "fedavg"})
    out.push_back(not_worse(fmt::format("{}: the loss rises with H", name), "DiLoCo scaling laws",
                            result_at(results, name, static_cast<double>(periods.front())),
                            result_at(results, name, static_cast<double>(periods.back()))));
  out.push_back(outer_rises(results, periods));
  return out;
}

Table period_table(const std::vector<ArmResult>& results, const std::vector<std::string>& names,
                   const Periods& periods) {
  Table out{"Loss by steps between rounds", {"method"}, {}};
  for (const int64_t period : periods) out.columns.push_back(fmt::format("H = {}", period));
  out.columns.emplace_back("worse by, %");
  for (const std::string& name : names) {
    out.rows.push_back({name});
    for (const int64_t period : periods)
      out.rows.back().push_back(
          interval_text(result_at(results, name, static_cast<double>(period)).loss()));
    out.rows.back().push_back(
        interval_text(interval_of(worse_by(results, name, periods.front(), periods.back())), 2));
  }
  return out;
}

Table outer_table(const std::vector<ArmResult>& results, const Periods& periods) {
  Table out{"DiLoCo: loss by outer rate", {"outer rate"}, {}};
  for (const int64_t period : {periods.front(), periods.back()})
    out.columns.push_back(fmt::format("H = {}", period));
  for (const double rate : period_outer_rates()) {
    out.rows.push_back({fmt::format("{}", rate)});
    for (const int64_t period : {periods.front(), periods.back()})
      out.rows.back().push_back(interval_text(
          result_at(results, outer_series(rate), static_cast<double>(period)).loss()));
  }
  return out;
}

class PeriodExperiment final : public Experiment {
 public:
  using Options = NoOptions;
  explicit PeriodExperiment(const Options&) {}

  Scale scale(bool quick) const override {
    Scale scale = small_scale(quick);
    if (!quick) scale.steps = 1024;
    return scale;
  }

  Result<Report> run(Laboratory& laboratory) const override {
    const int64_t usual = laboratory.scale().period;
    Periods periods{usual / 4, usual, 4 * usual};
    if (laboratory.scale().steps >= 32 * usual) periods.push_back(16 * usual);
    std::vector<Arm> arms = period_arms(usual);  // the first: there the rate is found
    for (const int64_t period : periods)
      if (period != usual)
        for (Arm& arm : period_arms(period)) arms.push_back(std::move(arm));
    for (const int64_t period : {periods.front(), periods.back()})
      for (Arm& arm : outer_arms(period)) arms.push_back(std::move(arm));
    CW_ASSIGN(const auto results, laboratory.train(arms));
    std::vector<std::string> names = period_methods();
    names.insert(names.end(), {kSlow, kHalfLife});
    Report report;
    report.tables = {period_table(results, names, periods), outer_table(results, periods)};
    report.charts = {{"period", chart_of_series(results, names, "Loss by steps between rounds",
                                                "local steps between rounds (H)")}};
    report.relations = period_relations(results, periods);
    report.trainings_json = trainings_json(results);
    return report;
  }
};

}  // namespace

extern const Entry<Experiment> experiments_period;
const Entry<Experiment> experiments_period =
    entry<Experiment, PeriodExperiment>("period", "What do fewer rounds cost, and whom the least?");

}  // namespace causeway
