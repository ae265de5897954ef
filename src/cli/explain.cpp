// SPDX-License-Identifier: Apache-2.0
#include "train/explain.h"

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/clock.h"
#include "record/words.h"
#include "train/run.h"

namespace causeway {
namespace {

using nlohmann::json;

struct ExplainArguments {
  std::string recipe;
  std::vector<std::string> assignments, links;
  bool json = false;
};

struct NamedLink {
  std::string name;
  WorkerLink link;
};

json channels_json(const BoundPlan& plan, int64_t steps) {
  json out = json::array();
  for (int32_t i = 0; i < static_cast<int32_t>(plan.channels().size()); ++i) {
    const BoundChannel& channel = plan.channels()[static_cast<size_t>(i)];
    const ChannelBytes bytes = channel_bytes(plan, i);
    const int64_t times = firings(channel.spec, 1, steps);
    out.push_back({{"name", channel.spec.name},
                   {"port", channel.spec.port.name},
                   {"region", channel.spec.region},
                   {"values", channel.count},
                   {"period", channel.spec.period},
                   {"up", channel.spec.up.name},
                   {"down", channel.spec.down.name},
                   {"members", bytes.members},
                   {"firings", times},
                   {"up_bytes_per_firing", bytes.up},
                   {"down_bytes_per_firing", bytes.down},
                   {"up_bytes", times * bytes.up * bytes.members},
                   {"down_bytes",
                    applications(channel.spec, 1, steps) * bytes.down * plan.options().workers}});
  }
  return out;
}

/// What a worker moves when every channel fires, and on average in one step.
struct PerWorker {
  int64_t round_up = 0, round_down = 0;
  double step_bytes = 0;
};

PerWorker per_worker(const BoundPlan& plan) {
  PerWorker out;
  for (int32_t i = 0; i < static_cast<int32_t>(plan.channels().size()); ++i) {
    const ChannelBytes bytes = channel_bytes(plan, i);
    out.round_up += bytes.up;
    out.round_down += bytes.down;
    out.step_bytes += static_cast<double>(bytes.up + bytes.down) /
                      static_cast<double>(plan.channels()[static_cast<size_t>(i)].spec.period);
  }
  return out;
}

json explain_json(const Recipe& recipe, const BoundPlan& plan, const MemoryPrediction& memory,
                  const std::vector<NamedLink>& links) {
  const int64_t steps = recipe.run.steps;
  const RunBytes bytes = predicted_bytes(plan, 1, steps);
  const int64_t parameters = recipe.shape->layout().count();
  const int64_t ddp = steps * ddp_step_bytes(parameters, recipe.workers()).sum();
  const PerWorker worker = per_worker(plan);
  json out = {{"name", recipe.run.name},
              {"preset", recipe.sync.options.preset},
              {"parameters", parameters},
              {"workers", recipe.workers()},
              {"steps", steps},
              {"tokens", steps * recipe.workers() * recipe.train.batch_tokens},
              {"channels", channels_json(plan, steps)},
              {"up_bytes", bytes.up},
              {"down_bytes", bytes.down},
              {"bytes", bytes.sum()},
              {"ddp_bytes", ddp},
              {"bytes_per_step_and_worker", worker.step_bytes},
              {"memory_bytes", memory.sum()},
              {"memory", json::object()},
              {"links", json::array()},
              {"warnings", plan_warnings(plan, recipe.train.optimizer.name, steps)}};
  for (const auto& part : memory.parts) out["memory"][part.name] = part.bytes;
  for (const NamedLink& link : links) {
    const double seconds = round_seconds(worker.round_up, worker.round_down, link.link);
    const double ddp_seconds = round_seconds(4 * parameters, 4 * parameters, link.link);
    out["links"].push_back({{"link", link.name},
                            {"seconds_per_round", seconds},
                            {"ddp_seconds_per_step", ddp_seconds}});
  }
  return out;
}

void print_people(const json& plan) {
  const auto bytes = [&](const char* key) { return bytes_text(plan[key].get<int64_t>()); };
  fmt::print("{}: {} parameters, {} workers, {} steps, method {}\n\n",
             plan["name"].get<std::string>(), plan["parameters"].get<int64_t>(),
             plan["workers"].get<int64_t>(), plan["steps"].get<int64_t>(),
             plan["preset"].get<std::string>());
  fmt::print("{:<10} {:<9} {:>10} {:>7} {:>8} {:<6} {:>12} {:<6} {:>12}\n", "channel", "port",
             "values", "every", "firings", "up", "bytes", "down", "bytes");
  for (const json& channel : plan["channels"])
    fmt::print("{:<10} {:<9} {:>10} {:>7} {:>8} {:<6} {:>12} {:<6} {:>12}\n",
               channel["name"].get<std::string>(), channel["port"].get<std::string>(),
               channel["values"].get<int64_t>(), channel["period"].get<int64_t>(),
               channel["firings"].get<int64_t>(), channel["up"].get<std::string>(),
               bytes_text(channel["up_bytes_per_firing"].get<int64_t>()),
               channel["down"].get<std::string>(),
               bytes_text(channel["down_bytes_per_firing"].get<int64_t>()));
  fmt::print("\nbytes    up {}, down {}, together {}; data-parallel training {}", bytes("up_bytes"),
             bytes("down_bytes"), bytes("bytes"), bytes("ddp_bytes"));
  const auto sum = plan["bytes"].get<double>();
  if (sum > 0) fmt::print(": {:.0f} times less", plan["ddp_bytes"].get<double>() / sum);
  fmt::print("\nmemory   {} at most\n", bytes("memory_bytes"));
  for (const auto& [name, part] : plan["memory"].items())
    fmt::print("         {:<24} {:>10}\n", name, bytes_text(part.get<int64_t>()));
  for (const json& link : plan["links"])
    fmt::print(
        "link     {}: {:.3g} s of transfer when all channels fire; data-parallel {:.3g} s "
        "every step\n",
        link["link"].get<std::string>(), link["seconds_per_round"].get<double>(),
        link["ddp_seconds_per_step"].get<double>());
  for (const json& warning : plan["warnings"])
    fmt::print("warning  {}\n", warning.get<std::string>());
}

int explain(const ExplainArguments& arguments) {
  const int64_t program_bytes = program_memory_bytes();
  Mistakes mistakes;
  const Recipe recipe = load_recipe(arguments.recipe, arguments.assignments, mistakes);
  std::vector<NamedLink> links;
  for (const std::string& text : arguments.links) {
    const auto link = parse_link(text);
    if (link)
      links.push_back({text, *link});
    else
      mistakes.add({"--link", 0}, link.error().message);
  }
  if (!mistakes.empty()) return tell_mistakes(arguments.recipe, mistakes);
  const auto plan = bind_plan(recipe);
  if (!plan) return tell_error(plan.error());
  const json out =
      explain_json(recipe, **plan, predict_memory(recipe, **plan, program_bytes), links);
  if (arguments.json)
    fmt::print("{}\n", out.dump(1));
  else
    print_people(out);
  return kDone;
}

}  // namespace

void add_explain(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<ExplainArguments>();
  CLI::App* command = app.add_subcommand(
      "explain", "Say what a recipe will send, hold and take, without running it.");
  command->add_option("RECIPE", arguments->recipe, "The run as TOML")->required();
  command->add_option("--set", arguments->assignments, "Change the recipe (may be repeated)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command
      ->add_option("--link", arguments->links,
                   "Predict transfers on this link: speed and one-way delay (may be repeated)")
      ->type_name("100Mbit/s,50ms")
      ->expected(1)
      ->take_all();
  command->add_flag("--json", arguments->json, "For machines");
  command->footer("Example: causeway explain examples/four-sites.toml --link 100Mbit/s,50ms");
  command->callback([arguments, &exit_code] { exit_code = explain(*arguments); });
}

}  // namespace causeway
