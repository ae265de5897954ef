// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab/experiment.h"
#include "lab/methods.h"

namespace causeway {
namespace {

constexpr const char* kDesLoc = "des_loc";
constexpr const char* kOuter = "des_loc, nesterov";
constexpr const char* kSmall = "des_loc, nesterov, 4 bits";
constexpr const char* kNesterov = R"(sync.server={name="nesterov"})";

/// Seeds of all arms take these rates from one sweep each: of `ddp`, and of `des_loc`.
std::vector<Arm> rare_arms(int64_t period) {
  std::vector<Arm> out{method_arm("ddp", 1), method_arm(kDesLoc, period),
                       variant_arm(kOuter, "des_loc", period, {kNesterov}),
                       variant_arm(kSmall, "des_loc", period,
                                   {kNesterov, R"(sync.up="e3m0")", R"(sync.down="e3m0")"})};
  for (Arm& arm : out) arm.tuned = arm.series == "ddp" ? "ddp" : kDesLoc;
  return out;
}

Relation gap_at_most(const std::string& claim, const ArmResult& a, const ArmResult& b,
                     double nats) {
  const Interval gap = paired_difference(a.nats(), b.nats());
  return {claim, "", interval_text(gap) + " nats", below(gap, nats)};
}

class RareExperiment final : public Experiment {
 public:
  using Options = NoOptions;
  explicit RareExperiment(const Options&) {}

  Scale scale(bool quick) const override {
    Scale scale = quick ? small_scale(true) : Scale{};
    scale.steps = quick ? 512 : 2000;
    scale.period = quick ? 64 : 256;
    return scale;
  }

  Result<Report> run(Laboratory& laboratory) const override {
    const int64_t period = laboratory.scale().period;
    CW_ASSIGN(const auto results, laboratory.train(rare_arms(period)));
    const auto of = [&](const char* name) -> const ArmResult& { return result_of(results, name); };
    const auto less = [&](const char* name) { return of(name).ddp_bytes() / of(name).bytes(); };
    Report report;
    Table table{
        fmt::format("Rounds every {} steps", period),
        {"method", "loss", "beside ddp", "beside des_loc, nesterov", "bytes", "less than ddp"},
        {}};
    std::vector<const ArmResult*> rows;
    for (const ArmResult& one : results) {
      rows.push_back(&one);
      table.rows.push_back({one.arm.series, interval_text(one.loss()),
                            interval_text(paired_difference(one.nats(), of("ddp").nats())),
                            interval_text(paired_difference(one.nats(), of(kOuter).nats())),
                            mean_bytes_text(one.bytes()), times_less_text(one)});
    }
    report.tables = {std::move(table)};
    report.charts = {{"rare", chart_of_bytes(rows, "Rare rounds, few bits")}};
    const double factor = 1 / (1 + 1.0 / 3 + 1.0 / 6) * static_cast<double>(period);
    report.relations = {
        at_least("Parameters every K steps, moments every 3K and 6K: the cost factor", "DES-LOC",
                 less(kDesLoc), 0.97 * factor, "times less than ddp"),
        at_least("With codecs a thousand times less, at 256 steps between rounds", "", less(kSmall),
                 3.9 * static_cast<double>(period), "times less than ddp"),
        gap_at_most("What the codecs cost is at most 0.05 nats", of(kSmall), of(kOuter), 0.05),
        gap_at_most("All of it beside ddp is at most 0.05 nats", of(kSmall), of("ddp"), 0.05)};
    report.trainings_json = trainings_json(results);
    return report;
  }
};

}  // namespace

extern const Entry<Experiment> experiments_rare;
const Entry<Experiment> experiments_rare = entry<Experiment, RareExperiment>(
    "rare", "How far does traffic fall with rounds every 256 steps, and at what loss?");

}  // namespace causeway
