// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/experiment.h"
#include "lab/loss_table.h"
#include "lab/methods.h"

namespace causeway {
namespace {

constexpr double kNear = 1.01;  ///< times the loss of data-parallel training
constexpr const char* kHalf = "ddp, half the steps";
constexpr const char* kReset = "fedavg, moments reset";
constexpr const char* kNesterov = "des_loc, nesterov";

std::vector<Arm> bytes_arms(Text text, const Scale& scale) {
  std::vector<Arm> out;
  for (const std::string& name : method_names())
    out.push_back(method_arm(name, scale.period, text));
  Arm half = variant_arm(kHalf, "ddp", 1, {fmt::format("run.steps={}", scale.steps / 2)}, text);
  half.tuned = "ddp";
  out.push_back(half);
  out.push_back(variant_arm(kReset, "fedavg", scale.period, {"sync.reset_inner=true"}, text));
  out.push_back(
      variant_arm(kNesterov, "des_loc", scale.period, {R"(sync.server={name="nesterov"})"}, text));
  return out;
}

/// Bytes until the loss is first at most `nats`, between two looks in proportion; infinite if
/// never.
double bytes_until(const Outcome& outcome, double nats) {
  const CurvePoint* before = nullptr;
  for (const CurvePoint& point : outcome.curve) {
    if (point.nats <= nats) {
      if (before == nullptr) return static_cast<double>(point.bytes);
      const double part = (before->nats - nats) / (before->nats - point.nats);
      return static_cast<double>(before->bytes) +
             part * static_cast<double>(point.bytes - before->bytes);
    }
    before = &point;
  }
  return std::numeric_limits<double>::infinity();
}

std::string bytes_at_ddp(const ArmResult& one, const ArmResult& ddp) {
  double sum = 0;
  for (size_t i = 0; i < one.outcomes.size(); ++i)
    sum += bytes_until(one.outcomes[i], kNear * ddp.outcomes[i].nats);
  if (!std::isfinite(sum)) return "not reached";
  return mean_bytes_text(sum / static_cast<double>(one.outcomes.size()));
}

using Rows = std::vector<const ArmResult*>;

/// Of one text, the fewest bytes first; without the half run.
Rows bytes_rows(const std::vector<ArmResult>& results, Text text) {
  Rows out;
  for (const ArmResult& one : results)
    if (one.arm.text == text && one.arm.series != kHalf) out.push_back(&one);
  std::ranges::stable_sort(out, {}, [](const ArmResult* one) { return one->bytes(); });
  return out;
}

Table bytes_table(const Rows& rows, const ArmResult& ddp, const std::string& title) {
  Table out{title,
            {"method", "loss", "beside ddp", "bytes", "less than ddp", "bytes at ddp's loss + 1 %",
             "rate"},
            {}};
  for (const ArmResult* one : rows)
    out.rows.push_back({one->arm.series, interval_text(one->loss()),
                        interval_text(paired_difference(one->nats(), ddp.nats())),
                        mean_bytes_text(one->bytes()), times_less_text(*one),
                        bytes_at_ddp(*one, ddp), fmt::format("{:.2g}", one->rate)});
  return out;
}

/// Without those so far above data-parallel training that the rest would lie in one heap.
Chart bytes_chart(const Rows& rows, const ArmResult& ddp, const std::string& title) {
  constexpr double kFar = 1;  // nats
  Rows near;
  std::string far;
  for (const ArmResult* one : rows) {
    if (one->loss().mean <= ddp.loss().mean + kFar)
      near.push_back(one);
    else
      far += fmt::format("{}{} {:.2f}", far.empty() ? "" : ", ", one->arm.series, one->loss().mean);
  }
  return chart_of_bytes(near, far.empty() ? title : fmt::format("{} (above: {})", title, far));
}

std::vector<Relation> bytes_relations(const std::vector<ArmResult>& results) {
  const auto of = [&](const std::string& name) -> const ArmResult& {
    return result_of(results, name);
  };
  return {
      about_equal("DES-LOC (K, 3K, 6K) trains as well as Local Adam", "DES-LOC", of("des_loc"),
                  of("local_adam")),
      at_least("... with half of its bytes", "DES-LOC",
               of("local_adam").bytes() / of("des_loc").bytes(), 1.9, "times fewer"),
      not_worse("DES-LOC with Nesterov outside is not worse than DiLoCo", "DES-LOC", of(kNesterov),
                of("diloco")),
      not_worse("DiLoCo is not worse than averaging parameters", "DiLoCo", of("diloco"),
                of("fedavg")),
      not_worse("Keeping the moments is not worse than resetting them", "DES-LOC", of("fedavg"),
                of(kReset)),
      about_equal("Streaming DiLoCo trains as well as DiLoCo", "Streaming DiLoCo",
                  of("streaming_diloco"), of("diloco")),
      not_worse("DiLoCo around Muon is not worse than around Adam", "MuLoCo", of("muloco"),
                of("diloco")),
      not_worse("MT-DAO is not worse than DES-LOC", "MT-DAO", of("mt_dao"), of("des_loc")),
      not_worse("Eager updates lose on small models: DiLoCo is not worse", "Eager updates",
                of("diloco"), of("eager")),
  };
}

LossTable loss_table(const std::vector<ArmResult>& results, const Laboratory& laboratory) {
  LossTable out;
  for (const std::string& line : laboratory.setting())
    out.measured += (out.measured.empty() ? "" : " ") + line;
  out.panels = {"iid", "sites"};
  out.workers = laboratory.options().workers;
  out.period = laboratory.scale().period;
  for (const Text text : {Text::kMixed, Text::kOwn})
    out.doubling_nats += (result_of(results, kHalf, text).loss().mean -
                          result_of(results, "ddp", text).loss().mean) /
                         2;
  for (const std::string& name : method_names()) {
    MethodLoss one{name, {}, {}};
    std::vector<double> gaps(static_cast<size_t>(laboratory.options().seeds));
    for (const Text text : {Text::kMixed, Text::kOwn}) {
      const auto a = result_of(results, name, text).nats();
      const auto b = result_of(results, "ddp", text).nats();
      one.gaps.push_back(paired_difference(a, b));
      for (size_t i = 0; i < gaps.size(); ++i) gaps[i] += (a[i] - b[i]) / 2;
    }
    one.gap = interval_of(gaps);
    if (std::isfinite(one.gap.mean)) out.methods.push_back(std::move(one));
  }
  return out;
}

class BytesExperiment final : public Experiment {
 public:
  using Options = NoOptions;
  explicit BytesExperiment(const Options&) {}

  Scale scale(bool quick) const override { return quick ? small_scale(true) : Scale{}; }

  Result<Report> run(Laboratory& laboratory) const override {
    std::vector<Arm> arms = bytes_arms(Text::kMixed, laboratory.scale());
    const auto own = bytes_arms(Text::kOwn, laboratory.scale());
    arms.insert(arms.end(), own.begin(), own.end());
    CW_ASSIGN(const auto results, laboratory.train(arms));
    Report report;
    for (const auto& [text, name, title] :
         {std::tuple{Text::kMixed, "mixed", "Every worker draws from all text"},
          {Text::kOwn, "own", "Each worker has its own site's text"}}) {
      const Rows rows = bytes_rows(results, text);
      report.tables.push_back(bytes_table(rows, result_of(results, "ddp", text), title));
      report.charts.emplace_back(std::string("bytes-") + name,
                                 bytes_chart(rows, result_of(results, "ddp", text), title));
    }
    report.relations = bytes_relations(results);
    report.trainings_json = trainings_json(results);
    report.more_json = {{"advice", loss_table_json(loss_table(results, laboratory))}};
    return report;
  }
};

}  // namespace

extern const Entry<Experiment> experiments_bytes;
const Entry<Experiment> experiments_bytes = entry<Experiment, BytesExperiment>(
    "bytes", "What loss does each method reach, and for how many bytes?");

}  // namespace causeway
