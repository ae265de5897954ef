// SPDX-License-Identifier: Apache-2.0
#include "recipe/method.h"

#include <fmt/format.h>

#include <algorithm>

#include "sync/paced_group.h"

namespace causeway {
namespace {

/// A method that is made for some inner optimizers gets one of them.
void fit_optimizer(const Training& training, Recipe& recipe) {
  Plugin& optimizer = recipe.train.optimizer;
  const auto& wanted = training.optimizers;
  if (wanted.empty() || std::ranges::find(wanted, optimizer.name, &Plugin::name) != wanted.end())
    return;
  recipe.notes.push_back(fmt::format(
      "sync.preset = \"{0}\" trains with the optimizer `{1}`; `{2}` is left out. For other options "
      "than its defaults set train.optimizer = {{ name = \"{1}\", ... }}",
      recipe.sync.options.preset, wanted.front().name, optimizer.name));
  optimizer = wanted.front();
}

/// And its own objective, unless the recipe has that one with other options.
void fit_objective(const Training& training, Recipe& recipe) {
  Plugin& objective = recipe.train.objective;
  if (training.objective.name.empty() || objective.name == training.objective.name) return;
  if (objective.name != "plain")
    recipe.notes.push_back(
        fmt::format("sync.preset = \"{}\" trains with the objective `{}`; `{}` is left out",
                    recipe.sync.options.preset, training.objective.name, objective.name));
  objective = training.objective;
}

template <class Interface>
Value resolved_options(Entries<Interface> entries, const Plugin& plugin) {
  for (const Entry<Interface>* entry : entries)
    if (entry->name == plugin.name) return entry->resolve(plugin.options);
  return plugin.options;
}

BindOptions bind_options(const Recipe& recipe) {
  BindOptions options;
  options.workers = recipe.workers();
  options.seed = static_cast<uint64_t>(recipe.run.seed);
  for (int32_t id = 0; id < recipe.workers(); ++id) {
    const auto site = static_cast<size_t>(recipe.site_of(id));
    const SiteOptions own = recipe.sites.empty() ? SiteOptions{} : recipe.sites[site].options;
    options.fixed_weights.push_back(own.weight);
    options.speeds.push_back(own.speed);
  }
  return options;
}

std::string preset_of(const Value& sync) {
  const Value* name = sync.find("preset");
  return name != nullptr && name->is(Value::Kind::kString) ? name->string() : "";
}

/// Groups that say when a round is count ticks from the first, up to a bound.
void check_length(const BoundPlan& plan, const Recipe& recipe, Mistakes& mistakes) {
  for (const BoundChannel& channel : plan.channels())
    if (channel.group->paces() && recipe.run.steps > PacedGroup::kTicksMax)
      mistakes.add(recipe.sync.preset_options.where,
                   fmt::format("`steps` is {}; wanted: at most {} with the group `{}`",
                               recipe.run.steps, PacedGroup::kTicksMax, channel.spec.group.name));
}

}  // namespace

void fit_training(Recipe& recipe) {
  const Training training = training_of(recipe.sync);
  fit_optimizer(training, recipe);
  fit_objective(training, recipe);
}

void read_method(Recipe& recipe, Mistakes& mistakes) {
  if (recipe.optimizer == nullptr || recipe.objective == nullptr || recipe.shape == nullptr) return;
  const size_t before = mistakes.size();
  PresetContext context{recipe.train.optimizer.name, recipe.optimizer->states()};
  context.optimizer_options = resolved_options(inner_optimizers(), recipe.train.optimizer);
  context.workers = recipe.workers();
  context.batch_tokens = recipe.train.batch_tokens;
  context.clip = recipe.train.clip;
  recipe.plan = make_plan(recipe.sync, context, mistakes);
  if (mistakes.size() != before) return;
  const auto plan = BoundPlan::bind(recipe.plan, recipe.shape->layout(), replica_states(recipe),
                                    bind_options(recipe), mistakes);
  if (plan != nullptr) check_length(*plan, recipe, mistakes);
}

std::vector<std::string> replica_states(const Recipe& recipe) {
  std::vector<std::string> states{"x", "g"};
  for (const std::string& state : recipe.optimizer->states()) states.push_back(state);
  for (const std::string& state : recipe.objective->states()) states.push_back(state);
  return states;
}

Result<std::unique_ptr<BoundPlan>> bind_plan(const Recipe& recipe, bool closes) {
  Plan spec = recipe.plan;
  if (closes) spec.channels.push_back(closing_channel(recipe.run.steps));
  Mistakes mistakes;
  auto plan = BoundPlan::bind(spec, recipe.shape->layout(), replica_states(recipe),
                              bind_options(recipe), mistakes);
  if (plan == nullptr) return failure(Fault::kBadInput, "{}", mistakes.text());
  if (closes) CW_TRY(can_cross_processes(*plan));
  return plan;
}

void drop_options_of_old_preset(const Value& old_root, Value& root,
                                std::vector<std::string>& notes) {
  const Value* before = old_root.find("sync");
  if (before == nullptr || !before->is(Value::Kind::kTable)) return;
  for (auto& [key, table] : root.table()) {
    if (key != "sync" || !table.is(Value::Kind::kTable)) continue;
    const std::string old_preset = preset_of(*before), preset = preset_of(table);
    if (table.find("preset") == nullptr) return;
    std::erase_if(table.table(), [&](const auto& entry) {
      const auto& [name, value] = entry;
      const Value* given = before->find(name);
      const bool goes = given != nullptr && given->text() == value.text() &&
                        has_option(old_preset, name) && !has_option(preset, name);
      if (goes)
        notes.push_back(
            fmt::format("sync.{} = {} of the recipe is left out: the preset `{}` has no "
                        "such option",
                        name, value.text(), table.find("preset")->text()));
      return goes;
    });
  }
}

}  // namespace causeway
