// SPDX-License-Identifier: Apache-2.0
#include "lab/advise.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/advice_words.h"
#include "cli/command.h"
#include "core/durable.h"
#include "lab/advised_recipe.h"
#include "record/words.h"
#include "shape/json_file.h"

namespace causeway {
namespace {

struct AdviseArguments {
  std::string model, recipe, link, hub_link, step_time, data, preset, table;
  std::string out = "advice.toml";
  RecipeSizes sizes;
  int64_t period = 0, top = 10;
  bool force = false, all = false, json = false;
};

/// "2s", "800 ms": above 0, at most a million seconds.
Result<double> parse_seconds(std::string text) {
  const std::string given = text;
  std::erase(text, ' ');
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const std::string_view unit(rest, static_cast<size_t>(end - rest));
  if (unit == "ms") value /= 1e3;
  if (error == std::errc() && (unit == "s" || unit == "ms") && value > 0 && value <= 1e6)
    return value;
  return failure(Fault::kBadInput,
                 "the time `{}` is not understood; wanted: for example 2s or "
                 "800ms",
                 given);
}

Result<LossTable> read_table(const std::string& path) {
  if (path.empty()) return known_losses();
  constexpr size_t kBytesMax = size_t{16} << 20;
  CW_ASSIGN(const std::string text, read_text(path, kBytesMax));
  return parse_loss_table(text, path);
}

/// The command that asks this again, without what only says where answers go.
std::string command_of(const AdviseArguments& arguments) {
  const AdviseArguments plain;
  std::string out = "causeway advise";
  const auto add = [&](std::string_view flag, const auto& value, const auto& otherwise) {
    if (value != otherwise) out += fmt::format(" --{} {}", flag, value);
  };
  add("model", arguments.model, plain.model);
  add("recipe", arguments.recipe, plain.recipe);
  add("sites", arguments.sizes.sites, plain.sizes.sites);
  add("link", arguments.link, plain.link);
  add("hub-link", arguments.hub_link, plain.hub_link);
  add("step-time", arguments.step_time, plain.step_time);
  add("steps", arguments.sizes.steps, plain.sizes.steps);
  add("batch-tokens", arguments.sizes.batch_tokens, plain.sizes.batch_tokens);
  add("period", arguments.period, plain.period);
  add("data", arguments.data, plain.data);
  add("table", arguments.table, plain.table);
  add("preset", arguments.preset, plain.preset);
  return out;
}

/// The model and the sites: of a size, or of a recipe.
Result<void> read_model(const AdviseArguments& arguments, AdviceQuestion& question) {
  if (arguments.recipe.empty()) {
    CW_ASSIGN(const ModelSize size, model_size(arguments.model));
    question.options.recipe = recipe_of_size(size, arguments.sizes);
    question.model = model_words(size);
    return {};
  }
  CW_ASSIGN(question.options.recipe, recipe_like(arguments.recipe, arguments.sizes));
  question.model = "the model of " + arguments.recipe;
  return {};
}

Result<AdviceQuestion> read_question(const AdviseArguments& arguments) {
  AdviceQuestion out;
  AdviseOptions& options = out.options;
  CW_TRY(read_model(arguments, out));
  CW_ASSIGN(options.link, parse_link(arguments.link));
  if (!arguments.hub_link.empty()) {
    CW_ASSIGN(const WorkerLink hub, parse_link(arguments.hub_link));
    options.hub_bits_per_second = hub.bits_per_second;
    out.hub_stated = true;
  }
  CW_ASSIGN(options.step_seconds, parse_seconds(arguments.step_time));
  options.steps = arguments.sizes.steps;
  options.period = arguments.period;
  options.panel = arguments.data;
  out.command = command_of(arguments);
  return out;
}

/// What stands over the recipe.
std::vector<std::string> recipe_head(const AdviceQuestion& question, const Advice& advice,
                                     const LossTable& table, const std::string& preset) {
  std::vector<std::string> out{fmt::format("Written by `{}`.", question.command),
                               question.model + ".", ""};
  if (const AdviceRow* row = advice.find(preset); row != nullptr)
    out.push_back(row_words(*row, advice) + ".");
  else
    out.push_back(preset +
                  ": its loss was not measured, so its steps are those of data-parallel "
                  "training.");
  for (const std::string& line : assumptions(question, advice, table)) out.push_back(line);
  out.emplace_back("");
  if (has_placeholders(question.options.recipe))
    out.emplace_back(
        "To fill in: names of the sites and the text of each (FILL-IN). At a hub, text "
        "is named by each worker's --sites; here it may then be left out.");
  out.emplace_back(
      "To look at: data.tokenizer (bytes, unless you name a tokenizer.json), the "
      "learning rate, the batch.");
  for (std::string& line : out) line = printable_text(line);
  return out;
}

Result<void> write_recipe(const AdviseArguments& arguments, const AdviceQuestion& question,
                          const Advice& advice, const LossTable& table, const std::string& preset) {
  std::error_code ignored;
  if (!arguments.force && std::filesystem::exists(arguments.out, ignored))
    return failure(Fault::kBadInput, "{} is there already; give --force or another --out",
                   arguments.out);
  const AdviceRow* row = advice.find(preset);
  const auto steps = static_cast<double>(question.options.steps) * (row ? row->tokens : 1);
  constexpr double kStepsMax = 1e9;
  return write_file_atomically(
      arguments.out,
      advised_recipe(question.options.recipe, sync_table(preset, advice.period),
                     static_cast<int64_t>(std::clamp(std::round(steps), 1.0, kStepsMax)),
                     recipe_head(question, advice, table, preset)));
}

/// The preset whose recipe is wanted.
Result<std::string> chosen_preset(const std::string& wanted, const Advice& advice) {
  if (wanted.empty()) return advice.rows.front().preset;
  if (advice.find(wanted) != nullptr ||
      std::ranges::count(advice.not_measured, wanted, &LeftOut::preset) > 0)
    return wanted;
  for (const auto* list : {&advice.one_process_only, &advice.do_not_fit})
    if (const auto found = std::ranges::find(*list, wanted, &LeftOut::preset); found != list->end())
      return failure(Fault::kBadInput, "the preset `{}` is not for these sites: {}", wanted,
                     found->why);
  return failure(Fault::kBadInput, "there is no preset `{}`; see `causeway list presets`", wanted);
}

void print_people(const AdviseArguments& arguments, const AdviceQuestion& question,
                  const Advice& advice, const LossTable& table, const std::string& preset) {
  fmt::print(
      "{}\n{} sites, each by {:.4g} Mbit/s and {:.4g} ms one way; {:.4g} s of computing in a "
      "step\n\n",
      question.model, advice.sites, question.options.link.bits_per_second / 1e6,
      1e3 * question.options.link.latency_seconds, question.options.step_seconds);
  const int64_t rows = arguments.all ? std::ssize(advice.rows) : arguments.top;
  fmt::print("{}\n", ranking_text(advice, rows));
  for (const std::string& line : assumptions(question, advice, table))
    fmt::print("- {}\n", printable_text(line));
  fmt::print("\n{}: a recipe for {}{}\nNext: causeway explain {} --link {}\n", arguments.out,
             preset,
             has_placeholders(question.options.recipe) ? "; name the sites' text in it" : "",
             arguments.out, arguments.link);
}

Result<void> answer(const AdviseArguments& arguments) {
  CW_ASSIGN(const LossTable table, read_table(arguments.table));
  CW_ASSIGN(const AdviceQuestion question, read_question(arguments));
  CW_ASSIGN(const Advice advice, advise(question.options, table));
  CW_ASSIGN(const std::string preset, chosen_preset(arguments.preset, advice));
  CW_TRY(write_recipe(arguments, question, advice, table, preset));
  if (!arguments.json) {
    print_people(arguments, question, advice, table, preset);
    return {};
  }
  nlohmann::json out = advice_json(question, advice, table);
  out["preset"] = preset;
  out["recipe"] = arguments.out;
  fmt::print("{}\n", out.dump(1, ' ', false, nlohmann::json::error_handler_t::replace));
  return {};
}

int tell_answer(const AdviseArguments& arguments) {
  if (arguments.recipe.empty() == arguments.model.empty())
    return tell_error(failure(Fault::kBadInput, "give --model or --recipe"));
  if (arguments.recipe.empty() && arguments.sizes.sites == 0)
    return tell_error(failure(Fault::kBadInput, "give --sites beside --model"));
  const auto done = answer(arguments);
  return done ? kDone : tell_error(done.error());
}

}  // namespace

void add_advise(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<AdviseArguments>();
  AdviseArguments& to = *arguments;
  CLI::App* command = app.add_subcommand(
      "advise", "Rank methods for a model on given links, and write the recipe of the best.");
  command->add_option("--model", to.model, "Size: 125m, 350m, 1.3b, 7b, ...")->type_name("SIZE");
  command->add_option("--recipe", to.recipe, "Or what this recipe trains")->type_name("FILE");
  command->add_option("--sites", to.sizes.sites, "Sites, each with one worker")
      ->check(CLI::Range(int64_t{2}, int64_t{65'536}));
  command->add_option("--link", to.link, "Of each site: speed and one-way delay")
      ->type_name("200Mbit/s,80ms")
      ->required();
  command
      ->add_option("--hub-link", to.hub_link,
                   "Speed of the hub's, which sites share; else it is no bottleneck")
      ->type_name("1Gbit/s");
  command->add_option("--step-time", to.step_time, "What a site computes in a step")
      ->type_name("2s")
      ->required();
  command
      ->add_option("--steps", to.sizes.steps,
                   "Steps of data-parallel training, whose loss is to be reached")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000'000}))
      ->capture_default_str();
  command->add_option("--batch-tokens", to.sizes.batch_tokens, "Of one step of one site")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30))
      ->capture_default_str();
  command->add_option("--period", to.period, "Steps between rounds; default: as measured")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}));
  command->add_option("--data", to.data,
                      "Which of the table's losses count: iid, or sites with unlike text");
  command->add_option("--table", to.table, "Measured losses, of `causeway lab bytes`")
      ->type_name("FILE");
  command->add_option("--preset", to.preset, "Write this one's recipe instead of the best one's");
  command->add_option("--out", to.out, "The recipe")->capture_default_str();
  command->add_flag("--force", to.force, "Overwrite it");
  command->add_option("--top", to.top, "Methods to show")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000}))
      ->capture_default_str();
  command->add_flag("--all", to.all, "Show all of them");
  command->add_flag("--json", to.json, "For machines");
  command->footer(
      "Example: causeway advise --model 1.3b --sites 8 --link 200Mbit/s,80ms --step-time 2s");
  command->callback([arguments, &exit_code] { exit_code = tell_answer(*arguments); });
}

}  // namespace causeway
