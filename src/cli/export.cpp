// SPDX-License-Identifier: Apache-2.0
#include "train/export.h"

#include "cli/command.h"
#include "record/words.h"
#include "train/saved_model.h"
#include "train/team.h"

namespace causeway {
namespace {

struct ExportArguments {
  std::string model, folder, dtype = "same";
  uint64_t shard_bytes = 5'000'000'000;
  bool overwrite = false;
};

std::optional<DType> dtype_of(const std::string& name) {
  if (name == "float32") return DType::kF32;
  if (name == "bfloat16") return DType::kBf16;
  if (name == "float16") return DType::kF16;
  return {};
}

void print(const std::string& folder, const Exported& exported) {
  for (const ExportedFile& file : exported.files)
    fmt::print("{:>15}  {}  {}\n", grouped_text(file.bytes), file.digest, file.name);
  fmt::print("{} tensors, {} as {}; weights xxh3:{}\n", exported.tensors,
             bytes_text(exported.bytes), exported.dtype, exported.weights.hex());
  fmt::print(
      "{}: load it with\n  from transformers import AutoModelForCausalLM, AutoTokenizer\n  model = "
      "AutoModelForCausalLM.from_pretrained(\"{}\")\n  tokenizer = "
      "AutoTokenizer.from_pretrained(\"{}\")\n",
      folder, folder, folder);
}

int run_export(const ExportArguments& arguments) {
  prepare_compute_thread();
  const auto saved = open_model(arguments.model);
  if (!saved) return tell_error(saved.error());
  ExportOptions options;
  options.dtype = dtype_of(arguments.dtype);
  options.shard_bytes = static_cast<int64_t>(arguments.shard_bytes);
  options.overwrite = arguments.overwrite;
  const auto exported = export_model(*saved, arguments.folder, options);
  if (!exported) return tell_error(exported.error());
  if (saved->tokenizer == nullptr)
    fmt::print(stderr, "note: written without a tokenizer of our own: {}\n",
               saved->tokenizer_problem);
  print(arguments.folder, *exported);
  return kDone;
}

}  // namespace

void add_export(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<ExportArguments>();
  CLI::App* command =
      app.add_subcommand("export", "Write a model as a folder that transformers loads.");
  command
      ->add_option("MODEL", arguments->model, "A run's folder, a checkpoint, or a model's folder")
      ->required();
  command->add_option("FOLDER", arguments->folder, "The folder to make")->required();
  command->add_option("--dtype", arguments->dtype, "Type of the weights; same: as stored")
      ->check(CLI::IsMember({"same", "float32", "bfloat16", "float16"}))
      ->capture_default_str();
  command
      ->add_option("--shard-bytes", arguments->shard_bytes,
                   "Most bytes of tensors in one file: 5GB, 500MB, 1000000")
      ->transform(CLI::AsSizeValue(true))
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 50));
  command->add_flag("--overwrite", arguments->overwrite, "Replace a model that is there");
  command->footer("Example: causeway export runs/four-sites four-sites-model --dtype bfloat16");
  command->callback([arguments, &exit_code] { exit_code = run_export(*arguments); });
}

}  // namespace causeway
