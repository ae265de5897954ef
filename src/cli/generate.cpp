// SPDX-License-Identifier: Apache-2.0
#include "train/generate.h"

#include <cstdio>

#include "cli/command.h"
#include "train/saved_model.h"
#include "train/team.h"

namespace causeway {
namespace {

struct GenerateArguments {
  std::string model, prompt = "\n";
  GenerateOptions options;
};

int run_generate(const GenerateArguments& arguments) {
  prepare_compute_thread();
  const auto saved = open_model(arguments.model);
  if (!saved) return tell_error(saved.error());
  Mistakes mistakes;
  GenerateOptions checked;
  read_options(write_options(arguments.options), checked, mistakes);
  if (arguments.prompt.empty()) mistakes.add({"--prompt", 0}, "at least one character is wanted");
  if (!mistakes.empty()) return tell_mistakes("the options", mistakes);
  std::vector<int64_t> prompt;
  for (const char byte : arguments.prompt) prompt.push_back(static_cast<unsigned char>(byte));
  std::fwrite(arguments.prompt.data(), 1, arguments.prompt.size(), stdout);
  generate(*saved->model, *saved->x, std::move(prompt), arguments.options, [](int64_t token) {
    const auto byte = static_cast<char>(token);
    std::fwrite(&byte, 1, 1, stdout);
    std::fflush(stdout);
    return std::ferror(stdout) == 0;
  });
  std::fputc('\n', stdout);
  return kDone;
}

/// Every option of GenerateOptions as a flag of the same name.
struct AddFlags {
  CLI::App& command;

  template <class T, class Constraint>
  void operator()(std::string_view name, T& field, const Constraint&, std::string_view,
                  std::string_view meaning) const {
    std::string flag(name);
    std::replace(flag.begin(), flag.end(), '_', '-');
    command.add_option("--" + flag, field, std::string(meaning))->capture_default_str();
  }
};

}  // namespace

void add_generate(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<GenerateArguments>();
  CLI::App* command = app.add_subcommand("generate", "Continue a text.");
  command
      ->add_option("MODEL", arguments->model, "A run's folder, a checkpoint, or a model's folder")
      ->required();
  command->add_option("--prompt", arguments->prompt, "The text to continue");
  arguments->options.each(AddFlags{*command});
  command->footer("Example: causeway generate runs/four-sites --prompt 'The licence' --seed 7");
  command->callback([arguments, &exit_code] { exit_code = run_generate(*arguments); });
}

}  // namespace causeway
