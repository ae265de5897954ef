// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/threads.h"
#include "data/corpus.h"
#include "train/evaluate.h"
#include "train/saved_model.h"
#include "train/team.h"

namespace causeway {
namespace {

struct EvalArguments {
  std::string model;
  std::vector<std::string> files;
  int64_t threads = 0;
  bool json = false;
};

void print(const std::string& file, const Evaluation& result, bool json) {
  if (json) {
    const nlohmann::json line = {{"file", file},
                                 {"tokens", result.tokens},
                                 {"nats_per_token", result.nats_per_token()},
                                 {"bits_per_byte", result.bits_per_token()},
                                 {"perplexity", std::exp(result.nats_per_token())}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("{:>12} {:>10.4f} {:>10.4f} {:>10.3f}  {}\n", result.tokens, result.nats_per_token(),
               result.bits_per_token(), std::exp(result.nats_per_token()), file);
  }
}

int eval(const EvalArguments& arguments) {
  prepare_compute_thread();
  const auto saved = open_model(arguments.model);
  if (!saved) return tell_error(saved.error());
  if (saved->model->vocabulary() != 256)
    return tell_error(failure(Fault::kBadInput, "{} has a vocabulary of {}; bytes are 256",
                              saved->folder, saved->model->vocabulary()));
  Threads threads(thread_count(arguments.threads), prepare_compute_thread);
  if (!arguments.json)
    fmt::print("{:>12} {:>10} {:>10} {:>10}  {}\n", "tokens", "nats/token", "bits/byte",
               "perplexity", saved->folder);
  for (const std::string& file : arguments.files) {
    const auto corpus = Corpus::open({file});
    if (!corpus) return tell_error(corpus.error());
    if ((*corpus)->size_bytes() < 2)
      return tell_error(failure(Fault::kBadInput,
                                "{} has {} byte; wanted: at least 2, as the first is not predicted",
                                file, (*corpus)->size_bytes()));
    const auto read = [&](int64_t begin, std::span<int32_t> out) {
      std::vector<uint8_t> bytes(out.size());
      (*corpus)->copy(begin, bytes);
      std::copy(bytes.begin(), bytes.end(), out.begin());
    };
    print(file, evaluate(*saved->model, *saved->x, (*corpus)->size_bytes(), read, {}, threads),
          arguments.json);
  }
  return kDone;
}

}  // namespace

void add_eval(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<EvalArguments>();
  CLI::App* command = app.add_subcommand("eval", "Score text: each byte of a file once.");
  command
      ->add_option("MODEL", arguments->model, "A run's folder, a checkpoint, or a model's folder")
      ->required();
  command->add_option("FILE", arguments->files, "Text files or folders")->required();
  command->add_option("--threads", arguments->threads, "0: the machine's cores")
      ->check(CLI::Range(0, 1024));
  command->add_flag("--json", arguments->json, "One JSON object a line");
  command->footer(
      "Windows of the model's context do not overlap; the first byte has no "
      "prediction.\nExample: causeway eval runs/four-sites valid.txt");
  command->callback([arguments, &exit_code] { exit_code = eval(*arguments); });
}

}  // namespace causeway
