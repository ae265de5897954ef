// SPDX-License-Identifier: Apache-2.0
#include "train/generate.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "train/saved_model.h"
#include "train/team.h"

namespace causeway {
namespace {

struct GenerateArguments {
  std::string model, prompt = "\n";
  int64_t context = 0;
  bool greedy = false, ignore_end = false, json = false;
  GenerateOptions options;
};

Mistakes mistakes_of(const GenerateArguments& arguments) {
  Mistakes mistakes = mistakes_of(arguments.options);
  if (arguments.prompt.empty()) mistakes.add({"--prompt", 0}, "at least one character is wanted");
  return mistakes;
}

/// Tokens are told one by one; what is written of them is flushed, so that people see text grow.
struct Writer {
  const SavedModel& saved;
  const GenerateArguments& arguments;
  std::vector<int64_t> tokens;
  std::string text;

  bool operator()(int64_t token) {
    tokens.push_back(token);
    const auto& ends = saved.config.end_tokens;
    if (!arguments.ignore_end && std::find(ends.begin(), ends.end(), token) != ends.end())
      return false;
    const std::string_view bytes = saved.tokenizer->bytes_of(static_cast<int32_t>(token));
    if (arguments.json) {
      text += bytes;
      return true;
    }
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    std::fflush(stdout);
    return std::ferror(stdout) == 0;
  }
};

int run_generate(GenerateArguments arguments) {
  prepare_compute_thread();
  if (const Mistakes mistakes = mistakes_of(arguments); !mistakes.empty())
    return tell_mistakes("the options", mistakes);
  if (arguments.greedy) arguments.options.temperature = 0;
  const auto saved = open_model(arguments.model, arguments.context);
  if (!saved) return tell_error(saved.error());
  if (auto fits = want_tokenizer(*saved); !fits) return tell_error(fits.error());
  const std::vector<int64_t> prompt = prompt_tokens(*saved->tokenizer, arguments.prompt);
  if (prompt.empty())
    return tell_error(failure(Fault::kBadInput, "the prompt has no token of this tokenizer"));
  Writer writer{*saved, arguments, {}, {}};
  if (!arguments.json) std::fwrite(arguments.prompt.data(), 1, arguments.prompt.size(), stdout);
  generate(*saved->model, *saved->x, prompt, arguments.options,
           [&](int64_t token) { return writer(token); });
  if (arguments.json) {
    const nlohmann::json out = {
        {"prompt_tokens", prompt}, {"tokens", writer.tokens}, {"text", writer.text}};
    fmt::print("{}", out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  std::fputc('\n', stdout);
  return kDone;
}

}  // namespace

void add_generate(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<GenerateArguments>();
  CLI::App* command = app.add_subcommand("generate", "Continue a text.");
  command
      ->add_option("MODEL", arguments->model, "A run's folder, a checkpoint, or a model's folder")
      ->required();
  command->add_option("--prompt", arguments->prompt, "The text to continue");
  command->add_flag("--greedy", arguments->greedy, "Always the likeliest token: temperature 0");
  arguments->options.each(FlagForEachOption{*command});
  command->add_flag("--ignore-end", arguments->ignore_end,
                    "Go on after the model's end-of-text token");
  command->add_option("--context", arguments->context, "Tokens read at once; 0: the model's")
      ->check(CLI::Range(0, 1'048'576));
  command->add_flag("--json", arguments->json, "One JSON object: prompt_tokens, tokens, text");
  command->footer(
      "Example: causeway generate runs/four-sites --prompt 'The licence' --seed 7\n"
      "         causeway generate runs/four-sites --prompt 'The licence' --greedy --json");
  command->callback([arguments, &exit_code] { exit_code = run_generate(*arguments); });
}

}  // namespace causeway
