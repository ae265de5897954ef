// SPDX-License-Identifier: Apache-2.0
//
// What each codec makes of what a worker could send, and what training makes of that: DiLoCo whose
// deltas go up through it. States are those of worker 0 in the middle of a training and of a round.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lab/coded_state.h"
#include "lab/experiment.h"
#include "lab/methods.h"

namespace causeway {
namespace {

constexpr const char* kUpMethod = "diloco";

/// Codecs that are tried on states, beside all that there are without options.
constexpr const char* kStateChains[] = {
    "fp32|planes",
    "bf16(rounding=stochastic)",
    "bf16|planes",
    "int8(block=64)",
    "int8(rounding=stochastic)",
    "int8|zstd",
    "int8|huffman",
    "e3m0|huffman",
    "kmeans(15)|huffman",
    "topk(0.1)|kmeans(15)|huffman",
    "topk(0.05)|fp16",
    "topk(0.01)|fp32",
    "topk(0.01)|int8|rice",
    "topk(0.01, scope=layer)|int8|rice",
    "topk(k=64, scope=chunk, chunk=4096)|two_bit",
    "randk(0.05)|fp32",
    "randk(0.05, unbiased=true)|fp32",
    "lowrank(4, factors=bf16)",
};

/// What DiLoCo is trained with.
struct UpCodec {
  const char* codec;
  double decay = 0;      ///< of error feedback; 0: none
  bool momentum = true;  ///< DiLoCo's Nesterov outside; false: the plain mean

  std::string series() const {
    std::string out = codec;
    if (decay > 0) out += decay == 1 ? " + ef" : fmt::format(" + ef {:g}", decay);
    return out + (momentum ? "" : ", plain");
  }
};

constexpr const char* kLargestCodec = "topk(0.01)|int8|rice";
constexpr const char* kDrawnCodec = "randk(0.01)|int8";
constexpr const char* kChunksCodec = "topk(k=64, scope=chunk, chunk=4096)|two_bit";

constexpr UpCodec kUpFloats{"fp32"};
constexpr UpCodec kUpEightBits{"int8"};
constexpr UpCodec kUpFourBits{"e3m0"};
constexpr UpCodec kPlainFloats{"fp32", 0, false};
constexpr UpCodec kPlainChunks{kChunksCodec, 0.95, false};
/// The first one of each kind of outer step is what the others stand beside.
constexpr UpCodec kTrainedCodecs[] = {kUpFloats,
                                      kUpEightBits,
                                      kUpFourBits,
                                      {"nf4", 1},
                                      {"two_bit", 1},
                                      {"sign"},
                                      {"sign", 1},
                                      {kLargestCodec},
                                      {kLargestCodec, 1},
                                      {kDrawnCodec, 1},
                                      {kChunksCodec, 1},
                                      {"topk(0.1)|kmeans(15)|huffman", 1},
                                      {"lowrank(4, factors=bf16)", 1},
                                      kPlainFloats,
                                      {"sign", 0, false},
                                      {"sign", 1, false},
                                      {kLargestCodec, 0, false},
                                      {kLargestCodec, 1, false},
                                      {kDrawnCodec, 1, false},
                                      kPlainChunks};

std::vector<Arm> codec_arms(const Scale& scale) {
  std::vector<Arm> out;
  for (const UpCodec& one : kTrainedCodecs) {
    std::vector<std::string> set{fmt::format("sync.up=\"{}\"", one.codec)};
    if (one.decay > 0)
      set.push_back(fmt::format("sync.feedback={{ name = \"ef\", decay = {:.2f} }}", one.decay));
    if (!one.momentum) set.emplace_back("sync.outer={ name = \"sgd\" }");
    out.push_back(variant_arm(one.series(), kUpMethod, scale.period, std::move(set)));
    out.back().tuned = one.momentum ? kUpMethod : "diloco, plain";
  }
  return out;
}

/// The last step before a round, in the middle of the training.
int64_t sampled_step(const Scale& scale) {
  const int64_t rounds = scale.steps / scale.period;
  return std::min(scale.steps, rounds / 2 * scale.period + std::max<int64_t>(1, scale.period - 1));
}

/// Trains DiLoCo with fp32 at its rate, and takes what worker 0 has then.
Result<std::vector<SampledState>> sample_states(const Laboratory& laboratory,
                                                const ArmResult& floats) {
  Arm arm = floats.arm;
  arm.set.push_back(fmt::format("train.optimizer.lr={}", floats.rate));
  CW_ASSIGN(const Recipe recipe, laboratory.recipe(arm, 1));
  CW_ASSIGN(const auto team, Team::make(recipe, laboratory.clock()));
  const int64_t step = sampled_step(laboratory.scale());
  CW_TRY(team->run_to(step, {}, laboratory.stop()));
  if (team->steps() < step)
    return failure(Fault::kTimeout, "stopped after {} of {} steps", team->steps(), step);
  const BoundChannel& channel = team->plan().channels().front();
  const Worker& worker = *team->workers().front();
  const auto size = static_cast<size_t>(channel.count);
  const auto empty = [&](const std::string& name) -> SampledState {
    return {name, std::vector<float>(size), channel.wires.front().cuts};
  };
  std::vector<SampledState> out{empty("delta")};
  channel.port->offer({}, channel.region, worker.replica(), worker.engine().states().front(),
                      out.front().values);
  for (const std::string& name : worker.replica().states()) {
    if (name == "x") continue;
    out.push_back(empty(name));
    worker.replica().read(name, channel.region, out.back().values);
  }
  return out;
}

std::string words_of_state(const std::string& name) {
  if (name == "delta") return "delta, the change of the parameters in a round";
  if (name == "g") return "g, the gradient of a step";
  if (name == "u") return "u, the first moment";
  if (name == "v") return "v, the second moment";
  return name;
}

struct StateCodes {
  const SampledState* state;
  std::vector<CodedState> codes;  ///< the most bits first, then those with trouble
};

StateCodes codes_of(const SampledState& state, const Clock& clock) {
  std::vector<std::string> names;
  for (const Entry<Codec>* entry : codecs()) names.emplace_back(entry->name);
  names.insert(names.end(), std::begin(kStateChains), std::end(kStateChains));
  StateCodes out{&state, {}};
  for (const std::string& name : names) {
    out.codes.push_back(code_state(name, state));
    out.codes.back().gigabytes_per_second = coding_speed(name, state, clock);
  }
  std::ranges::stable_sort(out.codes, std::greater<>(), &CodedState::bits);
  return out;
}

Table codes_table(const StateCodes& one) {
  Table out{words_of_state(one.state->name),
            {"codec", "relative error", "bits a value", "become 0", "GB/s"},
            {}};
  for (const CodedState& code : one.codes) {
    if (!code.trouble.empty())
      out.rows.push_back({code.codec, code.trouble, "", "", ""});
    else
      out.rows.push_back({code.codec, fmt::format("{:.3g}", code.error),
                          fmt::format("{:.3g}", code.bits),
                          fmt::format("{:.1f} %", 100 * code.zeroed),
                          fmt::format("{:.2g}", code.gigabytes_per_second)});
  }
  return out;
}

Chart codes_chart(const std::vector<StateCodes>& states) {
  Chart out;
  out.title = "What codecs lose of each state";
  out.x_label = "bits for each value";
  out.y_label = "relative error; without loss no point";
  out.log_x = out.log_y = true;
  for (const StateCodes& one : states) {
    ChartSeries series{one.state->name, {}, false};
    for (const CodedState& code : one.codes)
      if (code.trouble.empty())
        series.points.push_back(
            {code.bits, code.error, 0, one.state->name == "delta" ? code.codec : ""});
    out.series.push_back(std::move(series));
  }
  return out;
}

std::string codes_json(const std::vector<StateCodes>& states) {
  nlohmann::json out = nlohmann::json::array();
  for (const StateCodes& one : states)
    for (const CodedState& code : one.codes)
      out.push_back({{"state", one.state->name},
                     {"codec", code.codec},
                     {"trouble", code.trouble},
                     {"error", code.error},
                     {"bits", code.bits},
                     {"zeroed", code.zeroed},
                     {"gigabytes_per_second", code.gigabytes_per_second}});
  return out.dump(1);
}

double up_bytes(const ArmResult& one) {
  double sum = 0;
  for (const Outcome& outcome : one.outcomes) sum += static_cast<double>(outcome.up_bytes);
  return sum / static_cast<double>(one.outcomes.size());
}

const ArmResult& trained_with(const std::vector<ArmResult>& results, const UpCodec& codec) {
  return result_of(results, codec.series());
}

Table up_table(const std::vector<ArmResult>& results, bool momentum) {
  const ArmResult& floats = trained_with(results, momentum ? kUpFloats : kPlainFloats);
  Table out{std::string("Deltas go up through a codec, outside ") +
                (momentum ? "Nesterov as DiLoCo has it" : "the plain mean"),
            {"codec", "loss", "beside fp32", "bytes up", "less than fp32", "bytes in all", "rate"},
            {}};
  std::vector<const ArmResult*> rows;
  for (const UpCodec& codec : kTrainedCodecs)
    if (codec.momentum == momentum) rows.push_back(&trained_with(results, codec));
  std::ranges::stable_sort(rows, {}, [](const ArmResult* one) { return -up_bytes(*one); });
  for (const ArmResult* one : rows)
    out.rows.push_back({one->arm.series, interval_text(one->loss()),
                        interval_text(paired_difference(one->nats(), floats.nats())),
                        mean_bytes_text(up_bytes(*one)),
                        fmt::format("{:.3g}x", up_bytes(floats) / up_bytes(*one)),
                        mean_bytes_text(one->bytes()), fmt::format("{:.2g}", one->rate)});
  return out;
}

Chart up_chart(const std::vector<ArmResult>& results) {
  Chart out;
  out.title = "Deltas go up through a codec";
  out.x_label = "bytes that all workers send";
  out.y_label = "nats per byte of text";
  out.log_x = true;
  for (const char* name : {"Nesterov outside", "Nesterov, error feedback", "plain mean outside",
                           "plain mean, error feedback"})
    out.series.push_back({name, {}, false});
  for (const UpCodec& codec : kTrainedCodecs) {
    const ArmResult& one = trained_with(results, codec);
    const Interval loss = one.loss();
    out.series[(codec.momentum ? 0 : 2) + (codec.decay > 0 ? 1 : 0)].points.push_back(
        {up_bytes(one), loss.mean, std::isfinite(loss.half) ? loss.half : 0, codec.codec});
  }
  out.lines = {{trained_with(results, kUpFloats).loss().mean, "fp32, Nesterov"},
               {trained_with(results, kPlainFloats).loss().mean, "fp32, plain mean"}};
  std::erase_if(out.lines, [](const ChartLine& line) { return !std::isfinite(line.y); });
  return out;
}

/// What papers say of error feedback and of the largest values, with either outer step.
void add_feedback_relations(const std::vector<ArmResult>& results, bool momentum,
                            std::vector<Relation>& out) {
  constexpr const char* kMemory = "Sparsified SGD with memory, arXiv:1809.07599";
  const auto of = [&](const char* codec, double decay) -> const ArmResult& {
    return trained_with(results, {codec, decay, momentum});
  };
  const std::string where = momentum ? ", Nesterov outside" : ", plain mean outside";
  out.push_back(not_worse("Signs with error feedback are not worse than without" + where,
                          "EF-SignSGD, arXiv:1901.09847", of("sign", 1), of("sign", 0)));
  out.push_back(not_worse("The largest 1 % with error feedback are not worse than without" + where,
                          kMemory, of(kLargestCodec, 1), of(kLargestCodec, 0)));
  out.push_back(
      not_worse("The largest 1 % are not worse than a drawn 1 %, both with error feedback" + where,
                kMemory, of(kLargestCodec, 1), of(kDrawnCodec, 1)));
}

std::vector<Relation> up_relations(const std::vector<ArmResult>& results) {
  const auto of = [&](const UpCodec& codec) -> const ArmResult& {
    return trained_with(results, codec);
  };
  std::vector<Relation> out{
      about_equal("Deltas in 8 bits train as well as fp32", "INTELLECT-1, arXiv:2412.01152",
                  of(kUpEightBits), of(kUpFloats)),
      about_equal("Deltas in 4-bit E3M0 train as well as fp32",
                  "Streaming DiLoCo, arXiv:2501.18512", of(kUpFourBits), of(kUpFloats))};
  for (const bool momentum : {true, false}) add_feedback_relations(results, momentum, out);
  out.push_back(not_worse(
      "The largest 64 of 4,096 in 2 bits, error feedback 0.95 and a plain mean outside are not "
      "worse than DiLoCo",
      "SparseLoCo, arXiv:2508.15706", of(kPlainChunks), of(kUpFloats)));
  return out;
}

const CodedState& code_called(const StateCodes& codes, const std::string& codec) {
  const auto at = std::ranges::find(codes.codes, codec, &CodedState::codec);
  CW_CHECK(at != codes.codes.end(), "`{}` was not tried", codec);
  return *at;
}

/// Of the delta.
Result<std::vector<Relation>> code_relations(const StateCodes& delta) {
  constexpr int64_t kDraws = 64;
  std::vector<Relation> out;
  for (const auto& [codec, source] :
       {std::pair{"int8(rounding=stochastic)", "QSGD, arXiv:1610.02132"},
        {"randk(0.05, unbiased=true)|fp32", "Sparsified SGD with memory, arXiv:1809.07599"}}) {
    CW_ASSIGN(const double gain, gain_of_mean(codec, *delta.state, kDraws));
    out.push_back(
        at_least(fmt::format("`{}` is right in the mean: that of {} draws is {:g} times nearer",
                             codec, kDraws, std::sqrt(kDraws)),
                 source, gain, 0.9 * std::sqrt(kDraws), "times nearer"));
  }
  out.push_back(
      at_least("Top-k leaves at most sqrt(1 - k / n) of the norm, here of 1 %", "arXiv:1809.07599",
               std::sqrt(1 - 0.01) / code_called(delta, "topk(0.01)|fp32").error, 1, "times less"));
  out.push_back(at_least("bf16 through `planes` takes 1.4 times fewer bits, as of normal values",
                         "docs/codecs.md",
                         code_called(delta, "bf16").bits / code_called(delta, "bf16|planes").bits,
                         1.4, "times fewer"));
  return out;
}

Result<void> report_codes(const Laboratory& laboratory, const ArmResult& floats, Report& report) {
  CW_ASSIGN(const auto states, sample_states(laboratory, floats));
  std::vector<StateCodes> all;
  for (const SampledState& state : states) all.push_back(codes_of(state, laboratory.clock()));
  for (const StateCodes& one : all) report.tables.push_back(codes_table(one));
  report.charts.emplace_back("codecs-states", codes_chart(all));
  report.more_json = {{"codes", codes_json(all)}};
  CW_ASSIGN(report.relations, code_relations(all.front()));
  report.setting.push_back(fmt::format(
      "States: of worker 0 of {} with fp32 and seed 1 after step {}, {} values, each as one "
      "signal. "
      "Relative error: ||decoded - x|| / ||x||. Bits: of all that is sent, frames included. Become "
      "0: of the values that are not.",
      kUpMethod, sampled_step(laboratory.scale()), states.front().values.size()));
  report.setting.push_back(fmt::format(
      "GB/s: fp32 in, for encoding and decoding on one core, the median of several tries on the "
      "state repeated to {} values or more; whatever else the machine did is in it.",
      kSpeedValues));
  return {};
}

class CodecsExperiment final : public Experiment {
 public:
  using Options = NoOptions;
  explicit CodecsExperiment(const Options&) {}

  Result<Report> run(Laboratory& laboratory) const override {
    CW_ASSIGN(const auto results, laboratory.train(codec_arms(laboratory.scale())));
    Report report;
    CW_TRY(report_codes(laboratory, trained_with(results, kUpFloats), report));
    report.setting.push_back(fmt::format(
        "Trainings: {}; workers send through the codec, and get fp32 back. + ef: error feedback, "
        "all of what was lost, or 0.95 of it. Plain: the outer optimizer is the mean alone. All of "
        "an outer optimizer have the rate of its fp32.",
        kUpMethod));
    report.tables.insert(report.tables.begin(),
                         {up_table(results, true), up_table(results, false)});
    report.charts.emplace(report.charts.begin(), "codecs-training", up_chart(results));
    const auto relations = up_relations(results);
    report.relations.insert(report.relations.begin(), relations.begin(), relations.end());
    report.trainings_json = trainings_json(results);
    return report;
  }
};

}  // namespace

extern const Entry<Experiment> experiments_codecs;
const Entry<Experiment> experiments_codecs = entry<Experiment, CodecsExperiment>(
    "codecs", "What does each codec lose of each state, how fast, and does training notice?");

}  // namespace causeway
