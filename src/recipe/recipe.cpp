// SPDX-License-Identifier: Apache-2.0
#include "recipe/recipe.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/toml.h"
#include "data/path.h"
#include "recipe/method.h"
#include "shape/hugging_face.h"

namespace causeway {
namespace {

/// The recipe's tables, for the names of the top level and what is unknown there.
struct Tables {
  Value run = Value::Table{}, model = Value::Table{}, data = Value::Table{}, train = Value::Table{},
        sync = Value::Table{}, exchange = Value::Table{};

  template <class Visit>
  void each(Visit&& visit) {
    visit("run", run, Any{}, "", "Length, seed, folder, checkpoints, validations.");
    visit("model", model, Any{}, "", "Family and sizes of the model.");
    visit("data", data, Any{}, "", "Sites and their text.");
    visit("train", train, Any{}, "", "Batch, inner optimizer, schedule, clip.");
    visit("sync", sync, Any{}, "", "Method: what is exchanged, when and how.");
    visit("exchange", exchange, Any{}, "", "How offers become a consensus.");
  }
};

/// What is no table is told, and read as an empty one.
void want_tables(Tables& tables, Mistakes& mistakes) {
  tables.each([&](std::string_view name, Value& table, const auto&, auto, auto) {
    if (table.is(Value::Kind::kTable)) return;
    options_detail::report_kind(table, name, "a table", mistakes);
    const Location where = table.where;
    table = Value::Table{};
    table.where = where;
  });
}

/// Splits a table by whether a key belongs to `Options`.
template <class Options>
std::pair<Value, Value> split(const Value& table) {
  Value ours = Value::Table{}, rest = Value::Table{};
  ours.where = rest.where = table.where;
  if (!table.is(Value::Kind::kTable)) return {table, rest};
  std::set<std::string> names;
  for (const OptionInfo& info : describe_options<Options>()) names.insert(info.name);
  for (const auto& [key, value] : table.table())
    (names.contains(key) ? ours : rest).set(key, value);
  return {ours, rest};
}

/// Keys of `rest` that a plug-in does not know are told with the names of both lists.
template <class Options, class Interface>
void drop_unknown(Value& rest, const Entry<Interface>& entry, Mistakes& mistakes) {
  std::vector<std::string> known;
  for (const OptionInfo& info : describe_options<Options>()) known.push_back(info.name);
  for (const OptionInfo& info : entry.describe()) known.push_back(info.name);
  options_detail::report_unknown(rest, known, mistakes);
  std::erase_if(rest.table(), [&](const auto& pair) {
    return std::find(known.begin(), known.end(), pair.first) == known.end();
  });
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return !path.empty() && std::filesystem::is_directory(path, error);
}

const std::string* text_of(const Value& table, std::string_view key) {
  const Value* value = table.find(key);
  return value != nullptr && value->is(Value::Kind::kString) ? &value->string() : nullptr;
}

/// The tokenizer that the recipe names, or that the model comes with; both, if there are two, must
/// be one.
void read_tokenizer(const Tables& tables, Recipe& recipe, Mistakes& mistakes) {
  const std::string* init = text_of(tables.model, "init");
  const std::string folder = init == nullptr ? "" : find_path(recipe.base, *init);
  std::error_code error;
  const bool comes =
      is_folder(folder) && std::filesystem::exists(folder + "/tokenizer.json", error);
  const Value* stated = tables.data.find("tokenizer");
  if (stated != nullptr && !stated->is(Value::Kind::kString)) return;  // Told by read_options.
  std::string& name = recipe.data.tokenizer;
  if (stated == nullptr && comes) name = folder;
  const std::string written = name;
  if (name != "bytes") name = find_path(recipe.base, name);
  const Location where = stated == nullptr ? tables.data.where : stated->where;
  auto opened = open_tokenizer(name);
  if (!opened)
    return mistakes.add(where, fmt::format("`tokenizer` is \"{}\"; wanted: \"bytes\", a "
                                           "tokenizer.json, or a folder with one; {}",
                                           written, opened.error().message));
  recipe.tokenizer = *opened;
  if (stated == nullptr || !comes) return;
  const auto own = open_tokenizer(folder);
  if (!own) return mistakes.add(where, own.error().message);
  if ((*own)->digest() != recipe.tokenizer->digest())
    mistakes.add(where, fmt::format("`tokenizer` is {}; the model of {} was trained with another "
                                    "one, its tokenizer.json: leave `tokenizer` out",
                                    name, folder));
}

bool is_zero(const Value& value) { return value.is(Value::Kind::kInteger) && value.integer() == 0; }

/// The model's options where it starts from a folder: the folder states them, and the recipe may
/// repeat them, or shorten the context.
Value options_of_folder(const std::string& folder, const Value& table, const Value& stated,
                        Recipe& recipe, Mistakes& mistakes) {
  const Value* context = stated.find("context");
  const bool shorter = context != nullptr && context->is(Value::Kind::kInteger);
  const auto config = read_config(folder, shorter ? context->integer() : 0);
  if (!config) {
    mistakes.add(table.where, config.error().message);
    return stated;
  }
  recipe.model.preset = config->preset;
  Value out = config->options;
  out.where = table.where;
  if (!stated.is(Value::Kind::kTable)) return out;
  for (const auto& [key, value] : stated.table()) {
    const Value* own = config->options.find(key);
    if (own == nullptr || (key == "context" && shorter && value.integer() <= own->integer()))
      out.set(key, value);
    // A zero stands for what follows from the other sizes.
    else if (!is_zero(value) && own->text() != value.text())
      mistakes.add(value.where, fmt::format("`{}` is {}; the model of {} has {}: leave it out", key,
                                            value.text(), folder, own->text()));
  }
  return out;
}

void read_model(const Value& table, Recipe& recipe, Mistakes& mistakes) {
  auto [ours, rest] = split<ModelOptions>(table);
  read_options(ours, recipe.model, mistakes);
  if (!recipe.model.init.empty()) recipe.model.init = find_path(recipe.base, recipe.model.init);
  if (recipe.starts_from_folder())
    rest = options_of_folder(recipe.model.init, table, rest, recipe, mistakes);
  else if (recipe.tokenizer != nullptr && rest.is(Value::Kind::kTable) &&
           rest.find("vocabulary") == nullptr && recipe.data.recorded.empty())
    rest.set("vocabulary", recipe.tokenizer->vocabulary());
  Plugin choice{recipe.model.preset, rest};
  if (const Value* name = ours.find("preset")) choice.options.where = name->where;
  const auto* entry = find_plugin(shapes(), "model", choice, mistakes);
  if (entry == nullptr) return;
  if (rest.is(Value::Kind::kTable)) drop_unknown<ModelOptions>(rest, *entry, mistakes);
  recipe.model_options = entry->resolve(rest);
  const size_t before = mistakes.size();
  auto model = entry->make(rest, mistakes);
  if (mistakes.size() == before) recipe.shape = std::move(model);
}

/// The tokens of text must have a place in the embedding.
void check_vocabulary(const Value& table, const Recipe& recipe, Mistakes& mistakes) {
  if (recipe.shape == nullptr || recipe.tokenizer == nullptr || !recipe.data.recorded.empty())
    return;
  const Value* value = table.find("vocabulary");
  if (recipe.shape->vocabulary() < recipe.tokenizer->vocabulary())
    mistakes.add(value == nullptr ? table.where : value->where,
                 fmt::format("`vocabulary` is {}; wanted: at least {}, the tokens of `{}`",
                             recipe.shape->vocabulary(), recipe.tokenizer->vocabulary(),
                             recipe.data.tokenizer));
}

/// The paths of a source's options, made absolute.
Value with_paths(Value options, const std::string& base) {
  for (auto& [key, value] : options.table()) {
    if (!value.is(Value::Kind::kArray)) continue;
    for (Value& path : value.array())
      if (path.is(Value::Kind::kString)) {
        const Location where = path.where;
        path = find_path(base, path.string());
        path.where = where;
      }
  }
  return options;
}

void add_source(const std::string& kind, Value options, double weight, const Recipe& recipe,
                RecipeSite& site, Mistakes& mistakes) {
  options = with_paths(std::move(options), recipe.base);
  Plugin plugin{kind, std::move(options)};
  const auto* entry = find_plugin(sources(), "source", plugin, mistakes);
  if (entry == nullptr) return;
  drop_unknown<SiteOptions>(plugin.options, *entry, mistakes);
  entry->make(plugin.options, mistakes);
  site.sources.push_back({std::move(plugin), weight});
}

void read_site(const Value& table, Recipe& recipe, SiteText text, Mistakes& mistakes) {
  RecipeSite& site = recipe.sites.emplace_back();
  if (!table.is(Value::Kind::kTable))
    return mistakes.add(table.where, "a site is a table: [[data.site]]");
  if (!recipe.data.recorded.empty()) return read_options(table, site.options, mistakes);
  auto [ours, rest] = split<SiteOptions>(table);
  read_options(ours, site.options, mistakes);
  if (text == SiteText::kElsewhere && rest.table().empty() && site.options.source.empty()) return;
  for (const Value& source : site.options.source) {
    const Value* kind = source.find("kind");
    const Value* weight = source.find("weight");
    Value options = Value::Table{};
    options.where = source.where;
    if (source.is(Value::Kind::kTable))
      for (const auto& [key, value] : source.table())
        if (key != "kind" && key != "weight") options.set(key, value);
    const bool named = kind != nullptr && kind->is(Value::Kind::kString);
    const bool number =
        weight != nullptr && (weight->is(Value::Kind::kFloat) || weight->is(Value::Kind::kInteger));
    if (kind != nullptr && !named) mistakes.add(kind->where, "`kind` is the name of a source");
    if (weight != nullptr && (!number || !(weight->number() > 0)))
      mistakes.add(weight->where, "`weight` of a source is a number above 0");
    add_source(named ? kind->string() : site.options.kind, std::move(options),
               number && weight->number() > 0 ? weight->number() : 1.0, recipe, site, mistakes);
  }
  if (site.options.source.empty())
    return add_source(site.options.kind, rest, 1.0, recipe, site, mistakes);
  for (const auto& [key, value] : rest.table())
    mistakes.add(value.where, fmt::format("`{}` stands beside `source`; write it into one of the "
                                          "[[data.site.source]] tables",
                                          key));
}

void read_sites(const Value& table, Recipe& recipe, SiteText text, Mistakes& mistakes) {
  std::set<std::string> names;
  for (const Value& site : recipe.data.site) {
    read_site(site, recipe, text, mistakes);
    if (!names.insert(recipe.sites.back().options.name).second)
      mistakes.add(site.where,
                   fmt::format("two sites are called `{}`", recipe.sites.back().options.name));
  }
  if (!recipe.data.recorded.empty())
    recipe.data.recorded = find_path(recipe.base, recipe.data.recorded);
  else if (recipe.sites.empty())
    mistakes.add(table.where,
                 "no site: write a [[data.site]] table with `name` and `train` for "
                 "each, or name a file of `recorded` batches");
}

void read_train(const Value& table, Recipe& recipe, Mistakes& mistakes) {
  read_options(table, recipe.train, mistakes);
  fit_training(recipe);
  const size_t before = mistakes.size();
  auto optimizer = make_plugin(inner_optimizers(), "optimizer", recipe.train.optimizer, mistakes);
  if (mistakes.size() == before) recipe.optimizer = std::move(optimizer);
  recipe.objective = make_plugin(objectives(), "objective", recipe.train.objective, mistakes);
  read_options(recipe.train.schedule, recipe.schedule, mistakes);
  if (recipe.schedule.steps == 0) recipe.schedule.steps = recipe.run.steps;
  if (recipe.shape == nullptr) return;
  const int64_t context = recipe.shape->context();
  const Value* batch = table.find("batch_tokens");
  if (recipe.train.batch_tokens % context != 0)
    mistakes.add(batch == nullptr ? table.where : batch->where,
                 fmt::format("`batch_tokens` is {}; wanted: a multiple of the context, {}",
                             recipe.train.batch_tokens, context));
}

template <class Interface>
Value resolved_plugin(Entries<Interface> entries, const Plugin& plugin) {
  for (const Entry<Interface>* entry : entries)
    if (entry->name == plugin.name)
      return options_detail::write(Plugin{plugin.name, entry->resolve(plugin.options)});
  return options_detail::write(plugin);
}

Value resolved_site(const RecipeSite& site) {
  Value out;
  out.set("name", site.options.name);
  out.set("weight", site.options.weight);
  if (site.options.speed != 1) out.set("speed", site.options.speed);
  Value::Array list;
  for (const RecipeSource& source : site.sources) {
    Value table;
    table.set("kind", source.plugin.name);
    table.set("weight", source.weight);
    for (const Entry<Source>* entry : sources()) {
      if (entry->name != source.plugin.name) continue;
      const Value options = entry->resolve(source.plugin.options);
      for (const auto& [key, value] : options.table()) table.set(key, value);
    }
    list.push_back(std::move(table));
  }
  out.set("source", std::move(list));
  return out;
}

}  // namespace

int32_t Recipe::workers() const {
  const auto given = static_cast<int32_t>(sync.options.workers);
  return given > 0 ? given : std::max<int32_t>(1, static_cast<int32_t>(sites.size()));
}

bool Recipe::starts_from_folder() const { return is_folder(model.init); }

std::string Recipe::folder() const { return run.folder.empty() ? "runs/" + run.name : run.folder; }

int64_t Recipe::checkpoint_every() const {
  return run.checkpoint_every > 0 ? run.checkpoint_every : std::max<int64_t>(1, run.steps / 10);
}

int64_t Recipe::valid_every() const {
  return run.valid_every > 0 ? run.valid_every : std::max<int64_t>(1, run.steps / 10);
}

Value Recipe::resolved() const {
  Value model_table = write_options(model);
  for (const auto& [key, value] : model_options.table()) model_table.set(key, value);
  Value data_table = write_options(data);
  Value::Array site_tables;
  for (const RecipeSite& site : sites) site_tables.push_back(resolved_site(site));
  data_table.set("site", std::move(site_tables));
  Value train_table = write_options(train);
  train_table.set("optimizer", resolved_plugin(inner_optimizers(), train.optimizer));
  if (train.objective.name == "plain")
    std::erase_if(train_table.table(), [](const auto& pair) { return pair.first == "objective"; });
  else
    train_table.set("objective", resolved_plugin(objectives(), train.objective));
  train_table.set("schedule", write_options(schedule));
  Value out;
  out.set("run", write_options(run));
  out.set("model", std::move(model_table));
  out.set("data", std::move(data_table));
  out.set("train", std::move(train_table));
  out.set("sync", write_sync(sync));
  Value exchange_table = write_options(exchange);
  exchange_table.set("hub", write_options(hub));
  out.set("exchange", std::move(exchange_table));
  return out;
}

Recipe read_recipe(const Value& root, const std::string& base, Mistakes& mistakes, SiteText text) {
  Recipe recipe;
  recipe.base = base;
  Tables tables;
  tables.data.where = root.where;
  read_options(root, tables, mistakes);
  want_tables(tables, mistakes);
  read_options(tables.run, recipe.run, mistakes);
  read_options(tables.data, recipe.data, mistakes);
  read_tokenizer(tables, recipe, mistakes);
  read_model(tables.model, recipe, mistakes);
  read_sites(tables.data, recipe, text, mistakes);
  check_vocabulary(tables.model, recipe, mistakes);
  recipe.sync = read_sync(tables.sync, mistakes);
  read_train(tables.train, recipe, mistakes);
  read_method(recipe, mistakes);
  read_options(tables.exchange, recipe.exchange, mistakes);
  read_options(recipe.exchange.hub, recipe.hub, mistakes);
  return recipe;
}

Recipe load_recipe(const std::string& path, const std::vector<std::string>& assignments,
                   Mistakes& mistakes, SiteText text) {
  Value root = parse_toml_file(path, mistakes);
  if (!mistakes.empty()) return {};
  const Value file = root;
  for (const std::string& assignment : assignments) set_path(root, assignment, mistakes);
  std::vector<std::string> notes;
  drop_options_of_old_preset(file, root, notes);
  Recipe recipe =
      read_recipe(root, std::filesystem::path(path).parent_path().string(), mistakes, text);
  recipe.notes.insert(recipe.notes.begin(), notes.begin(), notes.end());
  return recipe;
}

}  // namespace causeway
