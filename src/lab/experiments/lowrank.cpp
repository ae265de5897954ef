// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab/experiment.h"
#include "lab/methods.h"

namespace causeway {
namespace {

constexpr const char* kAdam = "local_adam, adamw";
constexpr const char* kFullRank = "ddp, adamw";
constexpr const char* kGalore = "ddp, galore";
constexpr const char* kDct = "ddp, dct_adamw";
constexpr const char* kClosed = "lordo, omega 1";
constexpr const char* kStill = "lordo, omega 1, no refresh";
constexpr int64_t kLowRank = 16;  ///< a quarter of the small model's width

std::string lordo_name(int64_t rank) { return fmt::format("lordo, rank {}", rank); }
std::string powersgd_name(int64_t rank) { return fmt::format("powersgd, rank {}", rank); }

std::string optimizer(const std::string& name, const std::string& more) {
  return fmt::format(R"(train.optimizer={{name="{}", lr=3e-3{}}})", name, more);
}

std::vector<Arm> low_rank_arms(int64_t period) {
  const std::string rank = fmt::format(", rank={}", kLowRank);
  std::vector<Arm> out{
      variant_arm(kFullRank, "ddp", 1, {optimizer("adamw", "")}),
      variant_arm(kGalore, "ddp", 1, {optimizer("galore", rank)}),
      variant_arm(kDct, "ddp", 1, {optimizer("dct_adamw", rank)}),
      variant_arm(kAdam, "local_adam", period, {optimizer("adamw", "")}),
      variant_arm(kClosed, "lordo", period, {optimizer("lordo", rank + ", omega=1.0")}),
      variant_arm(kStill, "lordo", period,
                  {optimizer("lordo", rank + ", omega=1.0"), "sync.refresh=false"})};
  for (const int64_t one : {4, 16, 32})
    out.push_back(variant_arm(lordo_name(one), "lordo", period,
                              {optimizer("lordo", fmt::format(", rank={}", one))}));
  for (const int64_t one : {1, 4})
    out.push_back(
        variant_arm(powersgd_name(one), "powersgd", 1, {fmt::format("sync.rank={}", one)}));
  return out;
}

std::vector<Relation> low_rank_relations(const std::vector<ArmResult>& results) {
  const auto of = [&](const std::string& name) -> const ArmResult& {
    return result_of(results, name);
  };
  const std::string middle = lordo_name(kLowRank);
  return {
      not_worse("Mixing in the whole gradient (omega 0.9) is not worse than omega 1", "LoRDO",
                of(middle), of(kClosed)),
      not_worse("Turning the basis is not worse than one basis for ever", "LoRDO", of(kClosed),
                of(kStill)),
      about_equal("At a quarter of the rank LoRDO trains as well as Local Adam", "LoRDO",
                  of(middle), of(kAdam)),
      at_least("... with fewer bytes", "LoRDO", of(kAdam).bytes() / of(middle).bytes(), 1.5,
               "times fewer"),
      not_worse("More rank is not worse: 32 beside 4", "LoRDO", of(lordo_name(32)),
                of(lordo_name(4))),
      not_worse("The DCT's projection with error feedback is not worse than GaLore's", "Trion",
                of(kDct), of(kGalore)),
      not_worse("Full-rank AdamW is not worse than GaLore", "GaLore", of(kFullRank), of(kGalore)),
      not_worse("PowerSGD: rank 4 is not worse than rank 1", "PowerSGD", of(powersgd_name(4)),
                of(powersgd_name(1))),
  };
}

class LowRankExperiment final : public Experiment {
 public:
  using Options = NoOptions;
  explicit LowRankExperiment(const Options&) {}

  Result<Report> run(Laboratory& laboratory) const override {
    CW_ASSIGN(const auto results, laboratory.train(low_rank_arms(laboratory.scale().period)));
    Report report;
    report.tables = {table_of(results)};
    std::vector<const ArmResult*> rows;
    for (const ArmResult& one : results) rows.push_back(&one);
    report.charts = {{"lowrank", chart_of_bytes(rows, "Methods of low rank")}};
    report.relations = low_rank_relations(results);
    report.trainings_json = trainings_json(results);
    return report;
  }

 private:
  static Table table_of(const std::vector<ArmResult>& results) {
    Table out{"Low rank, mixed text", {"method", "loss", "bytes", "less than ddp", "rate"}, {}};
    for (const ArmResult& one : results)
      out.rows.push_back({one.arm.series, interval_text(one.loss()), mean_bytes_text(one.bytes()),
                          times_less_text(one), fmt::format("{:.2g}", one.rate)});
    return out;
  }
};

}  // namespace

extern const Entry<Experiment> experiments_lowrank;
const Entry<Experiment> experiments_lowrank = entry<Experiment, LowRankExperiment>(
    "lowrank", "What do states and gradients of low rank cost?");

}  // namespace causeway
