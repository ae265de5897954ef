// SPDX-License-Identifier: Apache-2.0
#include "train/run.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/durable.h"
#include "sync/account.h"
#include "train/checkpoint.h"
#include "train/companions.h"
#include "train/evaluate.h"
#include "train/explain.h"
#include "train/generate.h"
#include "train/sites.h"
#include "train/weights.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kSampleTokens = 240;

std::string first_valid_path(const std::string& folder) { return folder + "/first_valid.json"; }

/// The validation before the first step, for the summary of a run that is resumed.
std::string first_valid_text(const std::vector<ValidReport>& reports) {
  json out = json::array();
  for (const ValidReport& one : reports)
    out.push_back({{"step", one.step},
                   {"site", one.site},
                   {"nats_per_token", one.nats_per_token},
                   {"bits_per_byte", one.bits_per_byte},
                   {"tokens", one.tokens}});
  return out.dump(1) + "\n";
}

/// What first_valid_text wrote; nothing if the file is missing or of another form.
std::vector<ValidReport> read_first_valid(const std::string& folder) {
  std::ifstream in(first_valid_path(folder), std::ios::binary);
  const json reports = json::parse(in, nullptr, false);
  std::vector<ValidReport> out;
  if (!reports.is_array()) return out;
  for (const json& one : reports)
    if (one.is_object())
      out.push_back({one.value("step", int64_t{0}), one.value("site", ""),
                     one.value("nats_per_token", 0.0), one.value("bits_per_byte", 0.0),
                     one.value("tokens", int64_t{0})});
  return out;
}

/// What makes every checkpoint a model that other programs open: the run's folder `model` gets the
/// tokenizer and what came with the folder that the run starts from. Made once, by one rename.
Result<void> write_model_folder(const Recipe& recipe) {
  const std::string folder = recipe.folder() + "/model";
  const std::string aside = recipe.folder() + "/.writing-model";
  const std::string tokenizer = aside + "/tokenizer.json";
  std::error_code error;
  if (fs::exists(folder, error)) return {};
  fs::remove_all(aside, error);
  if (!fs::create_directories(aside, error))
    return failure(Fault::kIo, "{}: cannot be made: {}", aside, error.message());
  if (recipe.starts_from_folder()) {
    CW_TRY(carry_file(recipe.model.init + "/config.json", aside + "/config.json", false));
    CW_TRY(carry_companions(recipe.model.init, aside));
  }
  if (!fs::exists(tokenizer, error)) CW_TRY(write_file(tokenizer, recipe.tokenizer->json()));
  CW_TRY(sync_path(aside));
  fs::rename(aside, folder, error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", folder, error.message());
  return sync_path(recipe.folder());
}

}  // namespace

RunInfo describe_run(const Team& team, int64_t program_bytes) {
  const Recipe& recipe = team.recipe();
  RunInfo info;
  info.name = recipe.run.name;
  info.folder = recipe.folder();
  info.recipe_toml = to_toml(recipe.resolved());
  info.method = recipe.sync.options.preset;
  for (size_t i = 0; i < recipe.sites.size(); ++i) {
    SiteInfo site{recipe.sites[i].options.name, 0, valid_tokens(team.sources()[i])};
    for (const auto& source : team.sources()[i]) site.train_tokens += source->train_tokens();
    info.sites.push_back(std::move(site));
  }
  if (info.sites.empty()) info.sites.push_back({"recorded", 0, 0});
  for (const auto& worker : team.workers()) info.worker_sites.push_back(team.site_of(worker->id()));
  for (int32_t i = 0; i < static_cast<int32_t>(team.plan().channels().size()); ++i) {
    const BoundChannel& channel = team.plan().channels()[static_cast<size_t>(i)];
    const ChannelBytes bytes = channel_bytes(team.plan(), i);
    info.channels.push_back({channel.spec.name, channel.spec.port.name, channel.spec.region,
                             channel.spec.up.name, channel.spec.down.name, channel.count,
                             channel.spec.period, bytes.up, bytes.down});
  }
  info.parameters = recipe.shape->layout().count();
  info.steps = recipe.run.steps;
  info.first_step = team.steps();
  info.first_up_bytes = team.bytes().up;
  info.first_down_bytes = team.bytes().down;
  info.tokens_per_step = recipe.train.batch_tokens;
  info.ddp_bytes_per_step = ddp_step_bytes(info.parameters, recipe.workers()).sum();
  info.predicted_bytes = predicted_bytes(team.plan(), 1, recipe.run.steps).sum();
  info.predicted_memory_bytes = predict_memory(recipe, team.plan(), program_bytes).sum();
  return info;
}

Run::Run(const Recipe& recipe, const Clock& clock, int64_t program_bytes,
         std::unique_ptr<Team> team)
    : recipe_(recipe),
      clock_(clock),
      program_bytes_(program_bytes),
      team_(std::move(team)),
      mean_(std::make_unique<Arena>(team_->placement())),
      token_bytes_(bytes_of_tokens(*recipe.tokenizer)) {}

Result<std::unique_ptr<Run>> Run::make(const Recipe& recipe, const Clock& clock,
                                       int64_t program_bytes) {
  CW_ASSIGN(auto team, Team::make(recipe, clock));
  return std::unique_ptr<Run>(new Run(recipe, clock, program_bytes, std::move(team)));
}

Result<void> Run::resume() {
  const auto found = list_checkpoints(recipe_.folder());
  if (found.empty()) {
    notices_.push_back(recipe_.folder() +
                       " has no checkpoint yet: the run starts at its beginning");
    return {};
  }
  Error last = failure(Fault::kCorrupt, "{} has no checkpoint that can be read", recipe_.folder());
  for (const std::string& folder : found) {
    const auto read = read_checkpoint(folder, *team_);
    if (read) {
      summary_.first_valid = read_first_valid(recipe_.folder());
      return {};
    }
    last = read.error();
    if (last.fault == Fault::kBadInput) return last;
    notices_.push_back("passed over: " + last.message);
    CW_ASSIGN(team_, Team::make(recipe_, clock_));  // A half-read team is not used.
  }
  return last;
}

Result<RunSummary> Run::go(const std::vector<Listener*>& listeners, const std::atomic<bool>& stop) {
  listeners_ = listeners;
  const RunInfo info = describe_run(*team_, program_bytes_);
  tell([&](Listener& one) { one.on_start(info); });
  for (const std::string& text :
       plan_warnings(team_->plan(), recipe_.train.optimizer.name, recipe_.run.steps))
    notices_.push_back(text);
  notices_.insert(notices_.end(), recipe_.notes.begin(), recipe_.notes.end());
  for (const std::string& text : notices_)
    tell([&](Listener& one) { one.on_notice(Notice::kWarning, text); });
  auto summary = train(stop);
  if (!summary) {
    tell([&](Listener& one) { one.on_notice(Notice::kError, summary.error().message); });
    return summary;
  }
  tell([&](Listener& one) { one.on_end(*summary); });
  return summary;
}

Result<RunSummary> Run::train(const std::atomic<bool>& stop) {
  const int64_t began_ns = clock_.now_ns();
  CW_TRY(write_model_folder(recipe_));
  if (summary_.first_valid.empty()) {
    summary_.first_valid = validate(true);
    CW_TRY(write_file_atomically(first_valid_path(recipe_.folder()),
                                 first_valid_text(summary_.first_valid)));
  }
  Team::Events events;
  events.on_step = [this](const StepReport& report, const std::string& skipped) {
    if (!skipped.empty()) tell([&](Listener& one) { one.on_notice(Notice::kWarning, skipped); });
    tell([&](Listener& one) { one.on_step(report); });
  };
  events.on_round = [this](const RoundOutcome& outcome, double seconds) {
    on_round(outcome, seconds);
  };
  events.on_tick = [this] { tell([](Listener& one) { one.on_tick(); }); };

  while (team_->steps() < recipe_.run.steps && !stop) {
    CW_TRY(team_->run_to(next_pause(), events, stop));
    const int64_t step = team_->steps();
    const int64_t valid_every = recipe_.valid_every();
    if (step % valid_every == 0 && step < recipe_.run.steps && !stop) validate(false);
    if (step % recipe_.checkpoint_every() == 0 && step < recipe_.run.steps && !stop)
      CW_TRY(checkpoint());
  }
  CW_TRY(checkpoint());
  summary_.finished = team_->steps() == recipe_.run.steps;
  summary_.steps = team_->steps();
  summary_.weights_digest = weights_digest(*mean_).hex();
  summary_.up_bytes = team_->bytes().up;
  summary_.down_bytes = team_->bytes().down;
  summary_.ddp_bytes =
      team_->steps() * ddp_step_bytes(recipe_.shape->layout().count(), recipe_.workers()).sum();
  if (summary_.finished) {
    summary_.last_valid = validate(true);
    for (size_t i = 0; i < recipe_.sites.size(); ++i)
      if (valid_tokens(team_->sources()[i]) > 1)
        summary_.yardstick.emplace_back(recipe_.sites[i].options.name,
                                        yardstick(team_->sources()[i], *recipe_.tokenizer));
    GenerateOptions options;
    options.tokens = std::min(kSampleTokens, recipe_.shape->context());
    options.seed = recipe_.run.seed;
    summary_.sample = generate_text(team_->model(), *mean_, *recipe_.tokenizer, "\n", options);
    CW_TRY(write_file_atomically(recipe_.folder() + "/samples.txt", summary_.sample + "\n"));
  }
  summary_.seconds = static_cast<double>(clock_.now_ns() - began_ns) * 1e-9;
  summary_.peak_memory_bytes = peak_memory_bytes();
  return summary_;
}

/// The next step at which a validation or checkpoint is due.
int64_t Run::next_pause() const {
  const auto next = [step = team_->steps()](int64_t every) { return (step / every + 1) * every; };
  return std::min(
      {next(recipe_.valid_every()), next(recipe_.checkpoint_every()), recipe_.run.steps});
}

std::vector<ValidReport> Run::validate(bool whole) {
  team_->mean_parameters(*mean_);
  std::vector<ValidReport> out;
  for (size_t i = 0; i < recipe_.sites.size(); ++i) {
    const auto& sources = team_->sources()[i];
    EvaluateOptions options;
    options.tokens_max = whole ? 0 : recipe_.run.valid_tokens;
    options.token_bytes = token_bytes_;
    const Evaluation result = evaluate(
        team_->model(), *mean_, valid_tokens(sources),
        [&](int64_t begin, std::span<int32_t> tokens) { read_valid(sources, begin, tokens); },
        options, team_->threads());
    if (result.tokens == 0) continue;
    out.push_back({team_->steps(), recipe_.sites[i].options.name, result.nats_per_token(),
                   result.bits_per_byte(), result.tokens});
    tell([&](Listener& one) { one.on_valid(out.back()); });
  }
  return out;
}

Result<void> Run::checkpoint() {
  team_->mean_parameters(*mean_);
  CW_ASSIGN(summary_.checkpoint, write_checkpoint(recipe_.folder(), *team_, *mean_));
  prune_checkpoints(recipe_.folder(), recipe_.run.keep);
  tell([&](Listener& one) { one.on_checkpoint(team_->steps(), summary_.checkpoint); });
  return {};
}

void Run::on_round(const RoundOutcome& outcome, double fold_seconds) {
  RoundReport report;
  report.round = outcome.round;
  report.step = outcome.step;
  for (const int32_t channel : outcome.channels)
    report.channels.push_back(team_->plan().channels()[static_cast<size_t>(channel)].spec.name);
  for (const Member& member : outcome.members)
    report.members.emplace_back(member.id, member.weight);
  report.dropped = outcome.dropped;
  report.up_bytes = outcome.up_bytes;
  report.down_bytes = outcome.down_bytes;
  report.fold_seconds = fold_seconds;
  report.committed = outcome.committed;
  tell([&](Listener& one) { one.on_round(report); });
}

}  // namespace causeway
