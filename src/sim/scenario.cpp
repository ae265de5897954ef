// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.h"

#include <algorithm>
#include <filesystem>

#include "core/toml.h"
#include "sim/check.h"
#include "sim/fault.h"
#include "sim/toy_course.h"

namespace causeway {
namespace {

/// The tables of a scenario before they are read.
struct Tables {
  std::string about, recipe;
  std::vector<std::string> set;
  int64_t seed, steps, workers, time_limit_ms, events_max;
  Value model = Value::Table{}, sync = Value::Table{}, worker = Value::Table{};
  Value hub = Value::Table{}, network = Value::Table{}, disk = Value::Table{};
  std::vector<Value> fault, check;

  Tables() : Tables(Scenario{}) {}
  explicit Tables(const Scenario& from)
      : about(from.about),
        recipe(from.recipe),
        set(from.set),
        seed(from.seed),
        steps(from.steps),
        workers(from.workers),
        time_limit_ms(from.time_limit_ms),
        events_max(from.events_max) {}

  template <class Visit>
  void each(Visit&& visit) {
    visit("about", about, Any{}, "", "What this scenario shows, in a line.");
    visit("recipe", recipe, Any{}, "",
          "A recipe whose model is trained, for `steps` steps by `workers` workers; its path is "
          "relative to this file. Empty: the toy `model` with the method `sync`.");
    visit("set", set, Any{}, "", "Changes to the recipe, as --set has them.");
    visit("seed", seed, Range<int64_t>{0, INT64_MAX}, "", "Of everything that is drawn.");
    visit("steps", steps, Range<int64_t>{1, 100'000'000}, "", "Of the run.");
    visit("workers", workers, Range<int64_t>{1, 65'536}, "", "Replicas.");
    visit("time_limit_ms", time_limit_ms, Range<int64_t>{1, 1'000'000'000'000}, "ms",
          "Virtual time after which the world ends.");
    visit("events_max", events_max, Range<int64_t>{1, 100'000'000'000}, "",
          "Events after which it ends.");
    visit("model", model, Any{}, "", "What is trained.");
    visit("sync", sync, Any{}, "", "The method, as in recipes.");
    visit("worker", worker, Any{}, "", "The workers' processes.");
    visit("hub", hub, Any{}, "", "The hub's process.");
    visit("network", network, Any{}, "", "Each worker's link to the hub, both ways.");
    visit("disk", disk, Any{}, "", "The disks.");
    visit("fault", fault, Any{}, "", "[[fault]]: what goes wrong.");
    visit("check", check, Any{}, "", "[[check]]: what must be true in the end.");
  }
};

template <class Spec>
std::vector<std::string> names_of() {
  std::vector<std::string> names;
  for (const OptionInfo& info : describe_options<Spec>()) names.push_back(info.name);
  return names;
}

/// Splits a table in what every kind has and what is this kind's own, and reads both. `spec`'s
/// kind is that of a plug-in with `entries`.
template <class Interface, class Spec>
Spec read_spec(const Value& table, Entries<Interface> entries, std::string_view what,
               Mistakes& mistakes) {
  Spec spec;
  if (!table.is(Value::Kind::kTable)) {
    read_options(table, spec, mistakes);
    return spec;
  }
  std::vector<std::string> known = names_of<Spec>();
  Value common = Value::Table{};
  common.where = spec.options.where = table.where;
  for (const auto& [key, value] : table.table()) {
    const bool ours = std::find(known.begin(), known.end(), key) != known.end();
    (ours ? common : spec.options).set(key, value);
  }
  read_options(common, spec, mistakes);
  if (spec.kind.empty()) return spec;
  Plugin choice{spec.kind, {}};
  choice.options.where = common.find("kind")->where;
  const auto* entry = find_plugin(entries, what, choice, mistakes);
  if (entry == nullptr) return spec;
  // A misspelt key may have meant an option of either list.
  for (const OptionInfo& info : entry->describe()) known.push_back(info.name);
  options_detail::report_unknown(spec.options, known, mistakes);
  std::erase_if(spec.options.table(), [&](const auto& option) {
    return std::find(known.begin(), known.end(), option.first) == known.end();
  });
  entry->make(spec.options, mistakes);
  return spec;
}

void check_worker(const Value& worker, int64_t workers, Mistakes& mistakes) {
  using Kind = Value::Kind;
  if (worker.is(Kind::kString) && (worker.string() == "random" || worker.string() == "all")) return;
  if (worker.is(Kind::kInteger) && worker.integer() >= 0 && worker.integer() < workers) return;
  if (worker.is(Kind::kArray) && !worker.array().empty()) {
    for (const Value& one : worker.array()) {
      if (one.is(Kind::kInteger)) {
        check_worker(one, workers, mistakes);
        continue;
      }
      mistakes.add(one.where, fmt::format("`worker` has {}; wanted: numbers", one.text()));
    }
    return;
  }
  mistakes.add(worker.where,
               fmt::format("`worker` is {}; wanted: 0 to {}, a list of these, \"random\" or "
                           "\"all\"",
                           worker.text(), workers - 1));
}

/// Only what is not its default.
template <class Options>
Value changed(const Options& options) {
  const Value all = write_options(options), plain = write_options(Options{});
  Value out = Value::Table{};
  for (const auto& [key, value] : all.table())
    if (const Value* usual = plain.find(key); usual == nullptr || usual->text() != value.text())
      out.set(key, value);
  return out;
}

template <class Spec>
std::vector<Value> written(const std::vector<Spec>& specs) {
  std::vector<Value> out;
  for (const Spec& spec : specs) {
    Value& table = out.emplace_back(changed(spec));
    for (const auto& [key, value] : spec.options.table()) table.set(key, value);
  }
  return out;
}

}  // namespace

Scenario read_scenario(const Value& table, const std::string& name, Mistakes& mistakes) {
  Tables tables;
  read_options(table, tables, mistakes);
  Scenario out;
  out.name = name;
  out.about = tables.about;
  out.recipe = tables.recipe;
  out.set = tables.set;
  out.seed = tables.seed;
  out.steps = tables.steps;
  out.workers = tables.workers;
  out.time_limit_ms = tables.time_limit_ms;
  out.events_max = tables.events_max;
  out.model = tables.model;
  out.sync = tables.sync;
  read_options(tables.worker, out.worker, mistakes);
  read_options(tables.hub, out.hub, mistakes);
  read_options(tables.network, out.network, mistakes);
  read_options(tables.disk, out.disk, mistakes);
  for (const Value& fault : tables.fault) {
    out.faults.push_back(read_spec<FaultKind, FaultSpec>(fault, faults(), "fault", mistakes));
    check_worker(out.faults.back().worker, out.workers, mistakes);
  }
  for (const Value& check : tables.check)
    out.checks.push_back(read_spec<CheckKind, CheckSpec>(check, checks(), "check", mistakes));
  ToyOptions model;
  read_options(out.model, model, mistakes);
  ToyCourse::make(model, out.sync, {1, 1, 0}, mistakes);
  return out;
}

Scenario load_scenario(const std::string& path, Mistakes& mistakes) {
  namespace fs = std::filesystem;
  const Value table = parse_toml_file(path, mistakes);
  Scenario out = read_scenario(table, fs::path(path).stem().string(), mistakes);
  if (!out.recipe.empty()) out.recipe = (fs::path(path).parent_path() / out.recipe).string();
  return out;
}

std::vector<OptionInfo> describe_scenario() { return describe_options<Tables>(); }

Value to_value(const Scenario& scenario) {
  Tables tables(scenario);
  tables.model = scenario.model;
  tables.sync = scenario.sync;
  tables.worker = changed(scenario.worker);
  tables.hub = changed(scenario.hub);
  tables.network = changed(scenario.network);
  tables.disk = changed(scenario.disk);
  tables.fault = written(scenario.faults);
  tables.check = written(scenario.checks);
  return changed(tables);
}

std::string to_toml_text(const Scenario& scenario) { return to_toml(to_value(scenario)); }

}  // namespace causeway
