// SPDX-License-Identifier: Apache-2.0
#include "lab/laboratory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "core/durable.h"
#include "core/hash.h"
#include "core/toml.h"
#include "lab/rate_sweep.h"
#include "lab/trial.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kLooks = 6;
// Of the base recipe's optimizer. The second moment must move within a training of hundreds of
// steps: with 0.9999 it stays what the first gradient made it.
constexpr double kFirstRate = 3e-3;
constexpr std::array<double, 2> kBetas{0.9, 0.99};

Result<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return io_error(path, "cannot be read");
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

/// The first `count` folders of `data` that have a site's text, by name.
Result<std::vector<std::string>> find_sites(const std::string& data, int64_t count) {
  std::set<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(data, error))
    if (fs::exists(entry.path() / "train.txt") && fs::exists(entry.path() / "valid.txt"))
      found.insert(fs::absolute(entry.path()).string());
  if (error)
    return failure(Fault::kBadInput,
                   "--data {}: {}; wanted: a folder with a folder for each site. `./run build` "
                   "makes build/demo/sites",
                   data, error.message());
  if (std::ssize(found) < count)
    return failure(Fault::kBadInput,
                   "--data {}: {} folders have train.txt and valid.txt; wanted: {}, one for each "
                   "worker",
                   data, found.size(), count);
  return std::vector<std::string>(found.begin(), std::next(found.begin(), count));
}

Result<std::string> digest_of_texts(const std::vector<std::string>& sites) {
  Hasher hasher;
  for (const std::string& site : sites)
    for (const char* name : {"/train.txt", "/valid.txt"}) {
      CW_ASSIGN(const std::string text, read_text(site + name));
      hasher.add(std::as_bytes(std::span(text)));
    }
  return hasher.digest().hex();
}

Value site_table(const std::string& name, const std::vector<std::string>& folders) {
  Value::Array train, valid;
  for (const std::string& folder : folders) {
    train.emplace_back(folder + "/train.txt");
    valid.emplace_back(folder + "/valid.txt");
  }
  Value site = Value::Table{};
  site.set("name", name);
  site.set("train", std::move(train));
  site.set("valid", std::move(valid));
  return site;
}

Value::Array site_tables(const std::vector<std::string>& folders, Text text) {
  if (text == Text::kMixed) return {site_table("all", folders)};
  Value::Array out;
  for (const std::string& folder : folders)
    out.push_back(site_table(fs::path(folder).filename().string(), {folder}));
  return out;
}

Value base_root(const Scale& scale, int64_t workers, int64_t seed) {
  Value root = Value::Table{};
  change(root, "run.name", "training");
  change(root, "run.seed", seed);
  change(root, "run.steps", scale.steps);
  change(root, "run.threads", 1);
  change(root, "model.layers", scale.layers);
  change(root, "model.width", scale.width);
  change(root, "model.heads", scale.heads);
  change(root, "model.context", scale.context);
  change(root, "train.batch_tokens", scale.batch_tokens);
  change(root, "train.optimizer.name", "adopt");
  change(root, "train.optimizer.lr", kFirstRate);
  change(root, "train.optimizer.betas", Value::Array{kBetas[0], kBetas[1]});
  change(root, "train.optimizer.weight_decay", 0.1);
  change(root, "train.schedule.name", "wsd");
  change(root, "train.schedule.warmup", scale.steps / 10);
  change(root, "train.schedule.decay", 0.2);
  change(root, "sync.workers", workers);
  return root;
}

std::string name_of(const Arm& arm, int64_t seed) {
  return fmt::format("{}{}, {} text, seed {}", arm.series,
                     arm.x != 0 ? fmt::format(" at {:g}", arm.x) : "",
                     arm.text == Text::kMixed ? "mixed" : "own", seed);
}

}  // namespace

Scale small_scale(bool quick) {
  Scale scale;
  scale.layers = 2;
  scale.width = 64;
  scale.steps = quick ? 128 : 640;
  scale.period = quick ? 16 : 32;
  scale.exam_tokens = quick ? 2048 : 4096;
  return scale;
}

std::vector<double> ArmResult::nats() const {
  std::vector<double> out;
  for (const Outcome& outcome : outcomes) out.push_back(outcome.nats);
  return out;
}

double ArmResult::bytes() const {
  double sum = 0;
  for (const Outcome& outcome : outcomes) sum += static_cast<double>(outcome.bytes());
  return sum / static_cast<double>(std::max<size_t>(1, outcomes.size()));
}

double ArmResult::ddp_bytes() const {
  return outcomes.empty() ? 0 : static_cast<double>(outcomes.front().ddp_bytes);
}

/// What is told, and how far it is.
struct Laboratory::Count {
  std::mutex mutex;
  LabNews news;
};

Laboratory::Laboratory(const LabOptions& options, const Scale& scale, std::string folder,
                       const Clock& clock, const std::atomic<bool>& stop,
                       std::function<void(const LabNews&)> tell)
    : options_(options),
      scale_(scale),
      folder_(std::move(folder)),
      clock_(&clock),
      stop_(&stop),
      tell_(std::move(tell)),
      count_(std::make_shared<Count>()) {
  if (options_.steps > 0) scale_.steps = options_.steps;
}

Result<Laboratory> Laboratory::make(const LabOptions& options, const Scale& scale,
                                    const std::string& folder, const Clock& clock,
                                    const std::atomic<bool>& stop,
                                    std::function<void(const LabNews&)> tell) {
  Laboratory out(options, scale, folder, clock, stop, std::move(tell));
  CW_ASSIGN(out.sites_, find_sites(options.data, options.workers));
  CW_ASSIGN(out.text_digest_, digest_of_texts(out.sites_));
  std::error_code error;
  fs::create_directories(folder + "/trainings", error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", folder, error.message());
  CW_ASSIGN(const Recipe recipe, out.recipe({.series = "ddp", .text = Text::kOwn}, 1));
  CW_ASSIGN(Exam exam, Exam::make(recipe, out.scale_.exam_tokens));
  out.exam_ = std::make_shared<const Exam>(std::move(exam));
  return out;
}

Value Laboratory::root(const Arm& arm, int64_t seed, Mistakes& mistakes) const {
  Value out = base_root(scale_, options_.workers, seed);
  change(out, "data.site", site_tables(sites_, arm.text));
  for (const std::string& assignment : arm.set) set_path(out, assignment, mistakes);
  return out;
}

Result<Recipe> Laboratory::recipe(const Arm& arm, int64_t seed) const {
  Mistakes mistakes;
  const Value table = root(arm, seed, mistakes);
  Recipe recipe = read_recipe(table, "", mistakes);
  if (!mistakes.empty())
    return failure(Fault::kBadInput, "{}{} was not trained", mistakes.text(), name_of(arm, seed));
  return recipe;
}

Result<double> Laboratory::stated_rate(const Arm& arm) const {
  CW_ASSIGN(const Recipe stated, recipe(arm, 1));
  const Value resolved = stated.resolved();
  return resolved.find("train")->find("optimizer")->find("lr")->number();
}

Result<Outcome> Laboratory::outcome(const Arm& arm, int64_t seed, double rate) {
  CW_ASSIGN(const Recipe stated, recipe(arm, seed));
  Value table = stated.resolved();
  change(table, "train.optimizer.lr", rate);
  Mistakes mistakes;
  const Recipe recipe = read_recipe(table, "", mistakes);
  if (!mistakes.empty()) return failure(Fault::kBadInput, "{}", mistakes.text());
  // A recipe names its method; the plan is what that means in this build.
  const std::string key =
      digest_of(fmt::format("{}\n{}\n{}\n{}", to_toml(recipe.resolved()),
                            to_toml(to_value(recipe.plan)), text_digest_, scale_.exam_tokens))
          .hex();
  const std::string path = folder_ + "/trainings/" + key + ".json";
  bool found = true;
  Outcome out;
  if (const auto text = read_text(path); text.ok() && parse_outcome(*text).ok()) {
    CW_ASSIGN(out, parse_outcome(*text));
  } else {
    found = false;
    CW_ASSIGN(out, measure(recipe, *exam_, kLooks, *clock_, *stop_));
    CW_TRY(write_file_atomically(path, outcome_json(out)));
  }
  const std::lock_guard lock(count_->mutex);
  LabNews& news = count_->news;
  news.what = fmt::format("{}, rate {:.2g}", name_of(arm, seed), rate);
  news.nats = out.nats;
  news.seconds = out.seconds;
  news.found = found;
  ++news.done;
  tell_(news);
  return out;
}

Result<double> Laboratory::find_rate(const Arm& arm) {
  CW_ASSIGN(const double stated, stated_rate(arm));
  RateSweep sweep(stated, kTries);
  for (int64_t tries = 1; const auto rate = sweep.next(); ++tries) {
    CW_ASSIGN(const Outcome one, outcome(arm, 1, *rate));
    sweep.tell(one.nats);
    if (tries <= kFirstTries) continue;
    const std::lock_guard lock(count_->mutex);
    ++count_->news.all;
  }
  return sweep.best();
}

Result<void> Laboratory::side_by_side(size_t tasks,
                                      const std::function<Result<void>(size_t)>& task) const {
  std::vector<Result<void>> went(tasks);
  const int32_t jobs = std::min(thread_count(options_.jobs), static_cast<int32_t>(tasks));
  Threads threads(std::max(1, jobs), prepare_compute_thread);
  threads.each(std::ssize(went), [&](int64_t i) {
    const auto index = static_cast<size_t>(i);
    went[index] = task(index);
  });
  for (const auto& one : went) CW_TRY(one);
  return {};
}

Result<std::vector<ArmResult>> Laboratory::train(const std::vector<Arm>& arms) {
  std::vector<std::string> names;
  std::vector<const Arm*> firsts;     // of each name: the arm whose rate is found
  std::vector<size_t> names_of_arms;  // by arm
  for (const Arm& arm : arms) {
    const std::string& name = arm.tuned.empty() ? arm.series : arm.tuned;
    names_of_arms.push_back(static_cast<size_t>(std::ranges::find(names, name) - names.begin()));
    if (names_of_arms.back() < names.size()) continue;
    names.push_back(name);
    firsts.push_back(&arm);
  }
  const auto seeds = static_cast<size_t>(options_.seeds);
  count_->news.all += std::ssize(firsts) * kFirstTries + std::ssize(arms) * options_.seeds;
  std::vector<double> rates(firsts.size());
  CW_TRY(side_by_side(firsts.size(), [&](size_t i) -> Result<void> {
    CW_ASSIGN(rates[i], find_rate(*firsts[i]));
    return {};
  }));
  std::vector<ArmResult> out;
  for (size_t i = 0; i < arms.size(); ++i)
    out.push_back({arms[i], rates[names_of_arms[i]], std::vector<Outcome>(seeds)});
  CW_TRY(side_by_side(arms.size() * seeds, [&](size_t i) -> Result<void> {
    ArmResult& one = out[i / seeds];
    const auto seed = static_cast<int64_t>(i % seeds) + 1;
    CW_ASSIGN(one.outcomes[i % seeds], outcome(one.arm, seed, one.rate));
    return {};
  }));
  return out;
}

std::vector<std::string> Laboratory::setting() const {
  std::string names;
  for (const std::string& site : sites_)
    names += (names.empty() ? "" : ", ") + fs::path(site).filename().string();
  const Scale& s = scale_;
  return {
      fmt::format("Model: {} layers of width {}, {} heads, context {}; a token is a byte.",
                  s.layers, s.width, s.heads, s.context),
      fmt::format("{} workers, {} steps of {} tokens each. Rounds every {} steps, where a method "
                  "has them and nothing else is said.",
                  options_.workers, s.steps, s.batch_tokens, s.period),
      fmt::format("Sites: {}. Mixed: every worker draws from all sites' text. Own: each worker has "
                  "one site's.",
                  names),
      fmt::format(
          "Loss: nats per token of the mean of all replicas, on the first {} tokens of each "
          "site's validation text, {} in all.",
          s.exam_tokens, exam_->tokens()),
      fmt::format("{} seeds, the same for every setting: weights, order of text and all draws. "
                  "Intervals are of 95 %; differences are paired by seed.",
                  options_.seeds),
      fmt::format("Learning rate: for each method, from what its optimizer starts with, twice and "
                  "half of it with seed 1, and further while the best is at an end, {} tries at "
                  "most. Optimizer ADOPT ({}, {}) unless the method brings its own; WSD schedule; "
                  "all else as the presets have it.",
                  kTries, kBetas[0], kBetas[1]),
  };
}

std::string trainings_json(const std::vector<ArmResult>& results) {
  json out = json::array();
  for (const ArmResult& result : results)
    for (size_t i = 0; i < result.outcomes.size(); ++i) {
      json one = json::parse(outcome_json(result.outcomes[i]));
      one["series"] = result.arm.series;
      one["x"] = result.arm.x;
      one["text"] = result.arm.text == Text::kMixed ? "mixed" : "own";
      one["seed"] = i + 1;
      one["rate"] = result.rate;
      one["set"] = result.arm.set;
      out.push_back(std::move(one));
    }
  return out.dump(1);
}

}  // namespace causeway
