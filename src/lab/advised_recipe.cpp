// SPDX-License-Identifier: Apache-2.0
#include "lab/advised_recipe.h"

#include <algorithm>

#include "core/toml.h"

namespace causeway {
namespace {

constexpr std::string_view kPlaceholder = "FILL-IN";

Value run_table(int64_t steps) {
  Value out;
  out.set("name", "advice");
  out.set("steps", steps);
  return out;
}

Value site_tables(int64_t count) {
  Value::Array out;
  for (int64_t site = 1; site <= count; ++site) {
    Value& one = out.emplace_back();
    one.set("name", fmt::format("site-{}", site));
    for (const char* part : {"train", "valid"})
      one.set(part, Value::Array{fmt::format("{}/site-{}/{}.txt", kPlaceholder, site, part)});
  }
  return out;
}

Value data_table(const std::string& tokenizer, Value sites) {
  Value out;
  out.set("tokenizer", tokenizer);
  out.set("site", std::move(sites));
  return out;
}

Value train_table(const ModelSize& size, const RecipeSizes& sizes) {
  Value optimizer, schedule, out;
  optimizer.set("name", "adamw");
  optimizer.set("lr", size.learning_rate);
  schedule.set("name", "cosine");
  schedule.set("warmup", std::max<int64_t>(1, std::min<int64_t>(2'000, sizes.steps / 20)));
  schedule.set("min", 0.1);
  out.set("batch_tokens", sizes.batch_tokens);
  out.set("optimizer", std::move(optimizer));
  out.set("schedule", std::move(schedule));
  return out;
}

/// A method that is made for some optimizers gets the first of them, to be seen and tuned.
void fit_optimizer(const Value& sync, Value& recipe) {
  Mistakes ignored;
  const auto wanted = training_of(read_sync(sync, ignored)).optimizers;
  const Value* train = recipe.find("train");
  TrainOptions options;
  if (train != nullptr) read_options(*train, options, ignored);
  const std::string& own = options.optimizer.name;
  if (wanted.empty() || std::ranges::find(wanted, own, &Plugin::name) != wanted.end()) return;
  Value fitted = train == nullptr ? Value(Value::Table{}) : *train;
  fitted.set("optimizer", options_detail::write(wanted.front()));
  recipe.set("train", std::move(fitted));
}

Value exchange_table() {
  Value out;
  out.set("kind", "hub");
  return out;
}

Value model_table(const LlamaOptions& options) {
  Value out;
  out.set("preset", "llama");
  out.set("layers", options.layers);
  out.set("width", options.width);
  out.set("heads", options.heads);
  out.set("inner", options.inner);
  out.set("context", options.context);
  out.set("vocabulary", options.vocabulary);
  return out;
}

}  // namespace

Value recipe_of_size(const ModelSize& size, const RecipeSizes& sizes) {
  Value out;
  out.set("run", run_table(sizes.steps));
  out.set("model", model_table(size.options));
  out.set("train", train_table(size, sizes));
  out.set("exchange", exchange_table());
  out.set("data", data_table("bytes", site_tables(sizes.sites)));
  return out;
}

Result<Value> recipe_like(const std::string& path, const RecipeSizes& sizes) {
  Mistakes mistakes;
  const Value file = parse_toml_file(path, mistakes);
  const Recipe recipe = load_recipe(path, {}, mistakes, SiteText::kElsewhere);
  if (!mistakes.empty()) return failure(Fault::kBadInput, "{}", mistakes.text());
  const Value resolved = recipe.resolved();
  const Value& sites = *resolved.find("data")->find("site");
  const int64_t count = sizes.sites > 0 ? sizes.sites : std::ssize(sites.array());
  const bool own = count == std::ssize(sites.array()) &&
                   std::ranges::none_of(recipe.sites, [](const RecipeSite& site) {
                     return site.sources.empty();  // its text is at another place
                   });
  Value model;
  model.set("preset", recipe.model.preset);
  if (!recipe.model.init.empty()) model.set("init", recipe.model.init);
  for (const auto& [key, value] : recipe.model_options.table()) model.set(key, value);
  Value out;
  out.set("run", run_table(sizes.steps));
  out.set("model", std::move(model));
  // As written: what is resolved has the optimizer of the recipe's own method.
  if (const Value* train = file.find("train")) out.set("train", *train);
  out.set("exchange", exchange_table());
  out.set("data", data_table(recipe.data.tokenizer, own ? sites : site_tables(count)));
  return out;
}

bool has_placeholders(const Value& recipe) {
  return to_toml(recipe).find(kPlaceholder) != std::string::npos;
}

std::string advised_recipe(const Value& recipe, const Value& sync, int64_t steps,
                           const std::vector<std::string>& head) {
  Value out = recipe;
  Value run = *out.find("run");
  run.set("steps", steps);
  out.set("run", std::move(run));
  out.set("sync", sync);
  fit_optimizer(sync, out);
  std::string text;
  for (const std::string& line : head) text += line.empty() ? "#\n" : fmt::format("# {}\n", line);
  return text + to_toml(out);
}

}  // namespace causeway
