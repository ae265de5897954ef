// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab/experiment.h"
#include "lab/methods.h"
#include "lab/step_time.h"

namespace causeway {
namespace {

constexpr const char* kPlain = "diloco";
constexpr const char* kPlainFour = "diloco, 4 bits";
constexpr const char* kStreaming = "streaming";
constexpr const char* kFour = "streaming, 4 bits";
constexpr const char* kRare = "streaming, 3 H";
constexpr const char* kEager = "eager";
constexpr const char* kFourBits = R"(sync.up="e3m0")";

/// The link and the model for which times are told; losses are of the model that is trained.
constexpr WorkerLink kLink{100e6, 0.05};
constexpr double kStepSeconds = 1;
const std::vector<std::string> kTimedModel{"model.layers=12", "model.width=768", "model.heads=12"};

struct Timed {
  StepTime time;
  double offer_bytes = 0;     ///< largest of one worker
  double hidden_by_mbit = 0;  ///< speed at which its transfer takes the channel's delay; 0: none
};

Result<Timed> time_of(const Laboratory& laboratory, Arm arm) {
  arm.set.insert(arm.set.end(), kTimedModel.begin(), kTimedModel.end());
  CW_ASSIGN(const Recipe recipe, laboratory.recipe(arm, 1));
  CW_ASSIGN(const auto plan, bind_plan(recipe));
  Timed out{step_time(*plan, kStepSeconds, kLink), static_cast<double>(largest_offer_bytes(*plan)),
            0};
  const int64_t delay = plan->channels().front().spec.delay;
  if (delay > 0)
    out.hidden_by_mbit = out.offer_bytes * 8 / (static_cast<double>(delay) * kStepSeconds) / 1e6;
  return out;
}

std::vector<Relation> streaming_relations(const std::vector<ArmResult>& results,
                                          const std::vector<Timed>& times) {
  constexpr const char* kSource = "Streaming DiLoCo";
  const auto of = [&](const std::string& name) -> const ArmResult& {
    return result_of(results, name);
  };
  const auto timed = [&](const std::string& name) -> const Timed& {
    return times[static_cast<size_t>(&of(name) - results.data())];
  };
  return {
      about_equal("Streaming trains as well as DiLoCo", kSource, of(kStreaming), of(kPlain)),
      about_equal("... with 4 bits too", kSource, of(kFour), of(kPlain)),
      about_equal("4 bits train as well as fp32", kSource, of(kFour), of(kStreaming)),
      at_least("The largest offer is divided by the number of fragments, 2", kSource,
               timed(kPlain).offer_bytes / timed(kStreaming).offer_bytes, 1.8, "times smaller"),
      at_least("With 4 bits an offer takes an eighth", kSource,
               timed(kStreaming).offer_bytes / timed(kFour).offer_bytes, 7.5, "times smaller"),
      at_least("Streaming stalls less on the link", kSource,
               timed(kPlain).time.stalled_seconds /
                   std::max(1e-9, timed(kStreaming).time.stalled_seconds),
               1, "times less"),
      not_worse("The loss rises with H", kSource, of(kStreaming), of(kRare)),
      not_worse("Eager updates lose on small models", "Eager updates", of(kPlain), of(kEager)),
  };
}

class StreamingExperiment final : public Experiment {
 public:
  using Options = NoOptions;
  explicit StreamingExperiment(const Options&) {}

  Result<Report> run(Laboratory& laboratory) const override {
    const int64_t period = laboratory.scale().period;
    const std::vector<Arm> arms{method_arm("ddp", 1),
                                method_arm(kPlain, period),
                                variant_arm(kPlainFour, "diloco", period, {kFourBits}),
                                variant_arm(kStreaming, "streaming_diloco", period, {}),
                                variant_arm(kFour, "streaming_diloco", period, {kFourBits}),
                                variant_arm(kRare, "streaming_diloco", 3 * period, {}),
                                method_arm(kEager, period)};
    CW_ASSIGN(const auto results, laboratory.train(arms));
    std::vector<Timed> times;
    for (const Arm& arm : arms) {
      CW_ASSIGN(Timed one, time_of(laboratory, arm));
      times.push_back(one);
    }
    Report report;
    report.setting = {
        "Times: 12 layers of width 768, 1 s of compute a step, links of 100 Mbit/s and 50 ms, by "
        "the model of time that `causeway advise` has."};
    report.tables = {loss_table(results), time_table(results, times)};
    std::vector<const ArmResult*> rows;
    for (const ArmResult& one : results) rows.push_back(&one);
    report.charts = {{"streaming", chart_of_bytes(rows, "Streaming beside plain DiLoCo")}};
    report.relations = streaming_relations(results, times);
    report.trainings_json = trainings_json(results);
    return report;
  }

 private:
  static Table loss_table(const std::vector<ArmResult>& results) {
    Table out{"Losses", {"method", "loss", "beside diloco", "bytes", "less than ddp"}, {}};
    for (const ArmResult& one : results)
      out.rows.push_back(
          {one.arm.series, interval_text(one.loss()),
           interval_text(paired_difference(one.nats(), result_of(results, kPlain).nats())),
           mean_bytes_text(one.bytes()), times_less_text(one)});
    return out;
  }

  static Table time_table(const std::vector<ArmResult>& results, const std::vector<Timed>& times) {
    Table out{"The same methods on a link",
              {"method", "largest offer", "speed that hides it, Mbit/s", "stalled a step, s",
               "of the time, %"},
              {}};
    for (size_t i = 0; i < results.size(); ++i) {
      const StepTime& time = times[i].time;
      out.rows.push_back(
          {results[i].arm.series, mean_bytes_text(times[i].offer_bytes),
           times[i].hidden_by_mbit > 0 ? fmt::format("{:.0f}", times[i].hidden_by_mbit) : "none",
           fmt::format("{:.3f}", time.stalled_seconds),
           fmt::format("{:.1f}", 100 * time.stalled_seconds / time.seconds())});
    }
    return out;
  }
};

}  // namespace

extern const Entry<Experiment> experiments_streaming;
const Entry<Experiment> experiments_streaming = entry<Experiment, StreamingExperiment>(
    "streaming", "What do fragments, delay and 4 bits save on a slow link, and cost in loss?");

}  // namespace causeway
