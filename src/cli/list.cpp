// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include "cli/command.h"
#include "codec/codec.h"
#include "codec/packer.h"
#include "codec/selector.h"
#include "recipe/recipe.h"
#include "sim/check.h"
#include "sim/fault.h"
#include "sim/scenario.h"
#include "sim/toy_course.h"
#include "sync/outer.h"
#include "train/generate.h"

namespace causeway {
namespace {

/// One named thing of a kind, with its options.
struct Item {
  std::string name, summary;
  std::vector<OptionInfo> options;
};

struct Kind {
  std::string name, meaning;
  std::function<std::vector<Item>()> items;
};

template <class Interface>
Kind plugin_kind(std::string name, std::string meaning, Entries<Interface> (*entries)()) {
  return {
      std::move(name), std::move(meaning), [entries] {
        std::vector<Item> out;
        for (const Entry<Interface>* entry : entries())
          out.push_back({std::string(entry->name), std::string(entry->summary), entry->describe()});
        return out;
      }};
}

Kind recipe_kind() {
  return {
      "recipe", "tables of a recipe", [] {
        return std::vector<Item>{
            {"[run]", "length, seed, folder, checkpoints", describe_options<RunOptions>()},
            {"[model]", "and the model's own options", describe_options<ModelOptions>()},
            {"[data]", "where tokens come from", describe_options<DataOptions>()},
            {"[[data.site]]", "one place with its text", describe_options<SiteOptions>()},
            {"[train]", "batch and optimizer", describe_options<TrainOptions>()},
            {"train.schedule", "learning rate over the run", describe_options<Schedule>()},
            {"[sync]", "and the preset's own options", describe_options<SyncOptions>()},
            {"[[sync.channel]]", "a hand-written channel", describe_options<Channel>()},
            {"[exchange]", "how offers become a consensus", describe_options<ExchangeOptions>()},
            {"[exchange.hub]", "a hub's rounds", describe_options<HubOptions>()},
        };
      }};
}

Kind scenario_kind() {
  return {"scenario", "tables of a scenario of `causeway sim`", [] {
            return std::vector<Item>{
                {"scenario", "the world as a whole", describe_scenario()},
                {"[model]", "the toy that is trained", describe_options<ToyOptions>()},
                {"[worker]", "the workers' processes", describe_options<WorkerOptions>()},
                {"[hub]", "the hub's process", describe_options<SimHubOptions>()},
                {"[network]", "each worker's link, both ways", describe_options<LinkOptions>()},
                {"[disk]", "the disks", describe_options<DiskOptions>()},
                {"[[fault]]", "and the fault's own options", describe_options<FaultSpec>()},
            };
          }};
}

std::vector<Kind> kinds() {
  return {
      recipe_kind(),
      plugin_kind<Preset>("presets", "sync.preset: methods", presets),
      plugin_kind<InnerOptimizer>("optimizers", "train.optimizer: inner optimizers",
                                  inner_optimizers),
      plugin_kind<Objective>("objectives", "train.objective: what a local step optimises",
                             objectives),
      plugin_kind<OuterOptimizer>("outer-optimizers", "outer, server: move a shared anchor",
                                  outer_optimizers),
      plugin_kind<Codec>("codecs", "up, down: values as bytes", codecs),
      plugin_kind<Selector>("selectors", "up, down: which values are sent, as topk(0.01)|int8",
                            selectors),
      plugin_kind<Packer>("packers", "up, down: bytes made shorter, as int8|zstd", packers),
      plugin_kind<Feedback>("feedbacks", "feedback: what an encoding loses", feedbacks),
      plugin_kind<Port>("ports", "channel.port: the two ends of a channel", ports),
      plugin_kind<Group>("groups", "channel.group: who takes part", groups),
      plugin_kind<Rule>("rules", "rule: how offers are combined", rules),
      plugin_kind<Source>("sources", "data.site.source: kinds of text", sources),
      plugin_kind<Model>("models", "model.preset: families of models", models),
      scenario_kind(),
      plugin_kind<FaultKind>("faults", "fault.kind: what goes wrong in a simulated world", faults),
      plugin_kind<CheckKind>("checks", "check.kind: what must be true in the end", checks),
  };
}

void print_item(const Item& item) {
  fmt::print("{}: {}\n", item.name, item.summary);
  for (const OptionInfo& option : item.options)
    fmt::print("  {:<16} {}{}{}{}\n{:19}default {}{}\n", option.name, option.meaning, "", "", "",
               "", option.fallback.empty() ? "none" : option.fallback,
               (option.range.empty() ? "" : ", " + option.range) +
                   (option.unit.empty() ? "" : " " + option.unit));
}

void print_markdown(const Kind& kind) {
  fmt::print("\n## {}\n\n{}.\n", kind.name, kind.meaning);
  for (const Item& item : kind.items()) {
    fmt::print("\n### `{}`\n\n{}.\n", item.name, item.summary);
    if (item.options.empty()) continue;
    fmt::print(
        "\n| option | kind | default | range | unit | meaning |\n|---|---|---|---|---|---|\n");
    for (const OptionInfo& option : item.options)
      fmt::print("| `{}` | {} | `{}` | {} | {} | {} |\n", option.name, option.type, option.fallback,
                 option.range, option.unit, option.meaning);
  }
}

/// Every method in a line: what it does, and what it trains with if not with anything.
int list_methods() {
  for (const Entry<Preset>* entry : presets()) {
    Mistakes none;
    const Training training = entry->make(Value::Table{}, none)->training();
    std::string with;
    for (const Plugin& optimizer : training.optimizers)
      with += (with.empty() ? "; optimizer " : " or ") + optimizer.name;
    if (!training.objective.name.empty()) with += "; objective " + training.objective.name;
    fmt::print("{:<20}{}{}\n", entry->name, entry->summary, with);
  }
  return kDone;
}

int list(const std::string& wanted, bool markdown) {
  if (wanted == "methods" && !markdown) return list_methods();
  const auto all = kinds();
  std::vector<std::string> names{"methods"};
  if (markdown)
    fmt::print(
        "# Reference\n\nEvery option of a recipe and of a scenario, as `causeway list --markdown` "
        "prints it.\n");
  for (const Kind& kind : all) {
    names.push_back(kind.name);
    if (markdown) {
      print_markdown(kind);
    } else if (wanted.empty()) {
      std::string line;
      for (const Item& item : kind.items()) line += (line.empty() ? "" : ", ") + item.name;
      fmt::print("{:<17} {}\n{:17} {}\n", kind.name, kind.meaning, "", line);
    } else if (wanted == kind.name) {
      for (const Item& item : kind.items()) print_item(item);
      return kDone;
    }
  }
  if (wanted.empty() || markdown) return kDone;
  const std::string near = nearest(wanted, names);
  return tell_error(failure(Fault::kBadInput, "no kind is called `{}`{}; there are: {}", wanted,
                            near.empty() ? "" : fmt::format("; did you mean `{}`?", near),
                            fmt::join(names, ", ")));
}

}  // namespace

void add_list(CLI::App& app, int& exit_code) {
  auto wanted = std::make_shared<std::string>();
  auto markdown = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("list", "List methods, plug-ins and their options.");
  command->add_option("KIND", *wanted, "methods, recipe, presets, optimizers, codecs, ...");
  command->add_flag("--markdown", *markdown, "The whole reference page");
  command->footer("Example: causeway list presets");
  command->callback([=, &exit_code] { exit_code = list(*wanted, *markdown); });
}

}  // namespace causeway
