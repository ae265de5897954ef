// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab/experiment.h"
#include "lab/methods.h"

namespace causeway {
namespace {

constexpr const char* kPhoton = "photon";
constexpr const char* kMomentum = "photon, outer Nesterov (0.7, 0.7)";
constexpr const char* kCentral = "ddp";
constexpr const char* kOne = "one client's batch";

class PhotonExperiment final : public Experiment {
 public:
  using Options = NoOptions;
  explicit PhotonExperiment(const Options&) {}

  Result<Report> run(Laboratory& laboratory) const override {
    const int64_t period = laboratory.scale().period;
    const std::vector<Arm> arms{
        method_arm(kPhoton, period),
        method_arm(kPhoton, period, Text::kOwn),
        variant_arm(kMomentum, kPhoton, period,
                    {R"(sync.outer={name="nesterov", lr=0.7, momentum=0.7})"}),
        method_arm(kCentral, 1),
        method_arm(kCentral, 1, Text::kOwn),
        variant_arm(kOne, "none", 1, {"sync.workers=1"})};
    CW_ASSIGN(const auto results, laboratory.train(arms));
    Report report;
    report.tables = {table_of(results)};
    report.relations = relations_of(results, period);
    std::vector<const ArmResult*> rows;
    for (const ArmResult& one : results)
      if (one.arm.text == Text::kMixed && one.bytes() > 0) rows.push_back(&one);
    report.charts = {{"photon", chart_of_bytes(rows, "Photon beside data-parallel training")}};
    report.trainings_json = trainings_json(results);
    return report;
  }

 private:
  static Table table_of(const std::vector<ArmResult>& results) {
    Table out{"Equal steps of each worker",
              {"training", "text", "loss", "tokens", "bytes", "less than ddp", "rate"},
              {}};
    for (const ArmResult& one : results)
      out.rows.push_back({one.arm.series, one.arm.text == Text::kMixed ? "mixed" : "own",
                          interval_text(one.loss()), fmt::format("{}", one.outcomes.front().tokens),
                          mean_bytes_text(one.bytes()), times_less_text(one),
                          fmt::format("{:.2g}", one.rate)});
    return out;
  }

  static std::vector<Relation> relations_of(const std::vector<ArmResult>& results, int64_t period) {
    const ArmResult& photon = result_of(results, kPhoton);
    return {
        not_worse("Federated training is not worse than a client's own steps alone", "Photon",
                  photon, result_of(results, kOne)),
        not_worse("Federated training is not worse than data-parallel training at equal tokens",
                  "Photon", photon, result_of(results, kCentral)),
        not_worse("Plain averaging (rate 1, no momentum) is not worse than Nesterov (0.7, 0.7)",
                  "Photon", photon, result_of(results, kMomentum)),
        not_worse("Mixed text is not worse than each worker's own", "Photon", photon,
                  result_of(results, kPhoton, Text::kOwn)),
        at_least("Traffic falls with the local steps of a round", "Photon",
                 photon.ddp_bytes() / photon.bytes(), 0.99 * static_cast<double>(period),
                 "times less than ddp"),
    };
  }
};

}  // namespace

extern const Entry<Experiment> experiments_photon;
const Entry<Experiment> experiments_photon = entry<Experiment, PhotonExperiment>(
    "photon", "Does Photon's recipe match data-parallel training?");

}  // namespace causeway
