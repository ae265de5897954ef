// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab/experiment.h"
#include "lab/methods.h"

namespace causeway {
namespace {

constexpr const char* kDense = "ddp, sgd with momentum";
constexpr const char* kBare = "top 1 %, nothing kept";
constexpr const char* kFeedback = "top 1 %, error feedback";
constexpr const char* kNoWarmup = "dgc 0.1 %, no warm-up";
constexpr const char* kMomentumSgd = R"(train.optimizer={name="sgd_momentum"})";
constexpr const char* kTop = R"(sync.up="topk(0.01)|fp32")";

std::string dgc_name(double keep) { return fmt::format("dgc {:g} %", 100 * keep); }

const std::vector<double>& keeps() {
  static const std::vector<double> out{0.1, 0.01, 0.001};
  return out;
}

class DgcExperiment final : public Experiment {
 public:
  using Options = NoOptions;
  explicit DgcExperiment(const Options&) {}

  Result<Report> run(Laboratory& laboratory) const override {
    std::vector<Arm> arms{
        variant_arm(kDense, "ddp", 1, {kMomentumSgd}),
        variant_arm(kBare, "ddp", 1, {kMomentumSgd, kTop}),
        variant_arm(kFeedback, "ddp", 1, {kMomentumSgd, kTop, R"(sync.feedback="ef")"}),
        variant_arm(kNoWarmup, "dgc", 1, {"sync.keep=0.001", "sync.warmup=0"})};
    for (const double keep : keeps())
      arms.push_back(variant_arm(dgc_name(keep), "dgc", 1, {fmt::format("sync.keep={}", keep)}));
    CW_ASSIGN(const auto results, laboratory.train(arms));
    const ArmResult& dense = result_of(results, kDense);
    Report report;
    report.setting = {
        "Here every method's optimizer is SGD, with momentum 0.9 inside or, for "
        "DGC, in its feedback."};
    Table table{"Gradients every step",
                {"method", "loss", "beside the dense", "bytes", "less than ddp", "rate"},
                {}};
    std::vector<const ArmResult*> rows;
    for (const ArmResult& one : results) {
      rows.push_back(&one);
      table.rows.push_back({one.arm.series, interval_text(one.loss()),
                            interval_text(paired_difference(one.nats(), dense.nats())),
                            mean_bytes_text(one.bytes()), times_less_text(one),
                            fmt::format("{:.2g}", one.rate)});
    }
    report.tables = {std::move(table)};
    report.charts = {{"dgc", chart_of_bytes(rows, "Sparse gradients")}};
    report.relations = relations_of(results, dense);
    report.trainings_json = trainings_json(results);
    return report;
  }

 private:
  static std::vector<Relation> relations_of(const std::vector<ArmResult>& results,
                                            const ArmResult& dense) {
    const auto of = [&](const std::string& name) -> const ArmResult& {
      return result_of(results, name);
    };
    constexpr const char* kSource = "Deep gradient compression";
    return {
        about_equal("DGC with 1 % of the values trains as well as dense momentum SGD", kSource,
                    of(dgc_name(0.01)), dense),
        about_equal("... and with 0.1 %", kSource, of(dgc_name(0.001)), dense),
        not_worse("Momentum correction is not worse than error feedback alone, at 1 %", kSource,
                  of(dgc_name(0.01)), of(kFeedback)),
        not_worse("Error feedback is not worse than to forget what was not sent", kSource,
                  of(kFeedback), of(kBare)),
        not_worse("Warm-up of the sparsity does no harm, at 0.1 %", kSource, of(dgc_name(0.001)),
                  of(kNoWarmup)),
        at_least("Traffic at 0.1 % beside dense gradients", kSource,
                 dense.bytes() / of(dgc_name(0.001)).bytes(), 100, "times less"),
    };
  }
};

}  // namespace

extern const Entry<Experiment> experiments_dgc;
const Entry<Experiment> experiments_dgc = entry<Experiment, DgcExperiment>(
    "dgc", "How few values of a gradient are enough, and what makes it so?");

}  // namespace causeway
