// SPDX-License-Identifier: Apache-2.0
#include "lab/personal.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "recipe/recipe.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/saved_model.h"
#include "train/sites.h"
#include "train/team.h"

namespace causeway {
namespace {

constexpr int64_t kWarmupSteps = 10;

/// The recipe with one site, one worker and nothing exchanged.
TrialRecipe of_site(const TrialRecipe& shared, size_t site, const std::string& name) {
  TrialRecipe out = shared;
  change(out.root, "run.name", name);
  change(out.root, "run.folder", "");
  Value::Array sites{out.root.find("data")->find("site")->array().at(site)};
  change(out.root, "data.site", std::move(sites));
  change(out.root, "sync", Value::Table{});
  change(out.root, "sync.preset", "none");
  change(out.root, "sync.workers", 1);
  return out;
}

TrialRecipe tuned_recipe(const TrialRecipe& shared, size_t site, const PersonalReport& report,
                         double rate) {
  TrialRecipe out = of_site(shared, site, "tuned");
  change(out.root, "model.init", report.checkpoint);
  change(out.root, "run.steps", report.tune_steps);
  change(out.root, "train.optimizer.lr", rate);
  change(out.root, "train.schedule.steps", report.tune_steps);
  change(out.root, "train.schedule.warmup", std::min(kWarmupSteps, report.tune_steps / 2));
  return out;
}

TrialRecipe alone_recipe(const TrialRecipe& shared, size_t site, const PersonalReport& report) {
  TrialRecipe out = of_site(shared, site, "alone");
  change(out.root, "run.steps", report.run_steps + report.tune_steps);
  change(out.root, "train.schedule.steps", report.run_steps + report.tune_steps);
  return out;
}

/// The learning rate that the recipe states, of whichever optimizer.
Result<double> rate_of(const TrialRecipe& recipe) {
  const Value* train = recipe.root.find("train");
  const Value* optimizer = train == nullptr ? nullptr : train->find("optimizer");
  const Value* rate = optimizer == nullptr ? nullptr : optimizer->find("lr");
  if (rate == nullptr || !(rate->is(Value::Kind::kFloat) || rate->is(Value::Kind::kInteger)))
    return failure(Fault::kBadInput, "{}/recipe.toml states no train.optimizer.lr", recipe.base);
  return rate->number();
}

Result<double> last_bits(const RunSummary& summary, const std::string& folder) {
  if (summary.last_valid.empty())
    return failure(Fault::kBadInput, "{}: the trial had no validation text", folder);
  return summary.last_valid.front().bits_per_byte;
}

/// The shared model on every site, in the order of the recipe.
Result<std::vector<Evaluation>> score_shared(const Recipe& recipe, const std::string& checkpoint) {
  CW_ASSIGN(const SavedModel saved, open_model(checkpoint));
  CW_ASSIGN(const auto sites, open_sites(recipe));
  Threads threads(thread_count(recipe.run.threads), prepare_compute_thread);
  const std::vector<int32_t> token_bytes = bytes_of_tokens(*recipe.tokenizer);
  EvaluateOptions options;
  options.token_bytes = token_bytes;
  std::vector<Evaluation> out;
  for (const Sources& sources : sites) {
    const ReadTokens read = [&](int64_t begin, std::span<int32_t> tokens) {
      read_valid(sources, begin, tokens);
    };
    out.push_back(evaluate(*saved.model, *saved.x, valid_tokens(sources), read, options, threads));
  }
  return out;
}

}  // namespace

Result<PersonalReport> personalise(const std::string& run_folder, const PersonalOptions& options,
                                   const TrialContext& context) {
  CW_ASSIGN(const TrialRecipe shared, recipe_of_run(run_folder));
  CW_ASSIGN(const double rate, rate_of(shared));
  Mistakes mistakes;
  const Recipe recipe = read_recipe(shared.root, shared.base, mistakes);
  const auto checkpoints = list_checkpoints(run_folder);
  if (!mistakes.empty()) return failure(Fault::kBadInput, "{}", mistakes.text());
  if (checkpoints.empty() || recipe.sites.empty())
    return failure(Fault::kBadInput, "{}: wanted a run of sites with a checkpoint", run_folder);
  PersonalReport report;
  report.run = run_folder;
  report.checkpoint = checkpoints.front();
  report.run_steps = recipe.run.steps;
  report.tune_steps =
      options.steps > 0 ? options.steps : std::max<int64_t>(1, recipe.run.steps / 10);
  report.tune_rate = options.rate;
  CW_ASSIGN(const auto scores, score_shared(recipe, report.checkpoint));
  for (size_t i = 0; i < recipe.sites.size(); ++i) {
    if (scores[i].tokens == 0) continue;
    PersonalRow row{recipe.sites[i].options.name, scores[i].tokens, scores[i].bits_per_byte()};
    const std::string folder = run_folder + "/personal/" + row.site;
    CW_ASSIGN(const RunSummary tuned,
              run_trial(tuned_recipe(shared, i, report, options.rate * rate), folder + "-tuned",
                        context));
    CW_ASSIGN(row.tuned, last_bits(tuned, folder + "-tuned"));
    CW_ASSIGN(const RunSummary alone,
              run_trial(alone_recipe(shared, i, report), folder + "-alone", context));
    CW_ASSIGN(row.alone, last_bits(alone, folder + "-alone"));
    report.rows.push_back(std::move(row));
  }
  if (report.rows.empty())
    return failure(Fault::kBadInput, "{}: no site has validation text", run_folder);
  return report;
}

std::string personal_json(const PersonalReport& report) {
  nlohmann::json rows = nlohmann::json::array();
  for (const PersonalRow& row : report.rows)
    rows.push_back({{"site", row.site},
                    {"tokens", row.tokens},
                    {"shared", row.shared},
                    {"alone", row.alone},
                    {"tuned", row.tuned}});
  const nlohmann::json out = {{"run", report.run},
                              {"checkpoint", report.checkpoint},
                              {"run_steps", report.run_steps},
                              {"tune_steps", report.tune_steps},
                              {"tune_rate", report.tune_rate},
                              {"bits_per_byte", std::move(rows)}};
  return out.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace causeway
