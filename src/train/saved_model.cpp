// SPDX-License-Identifier: Apache-2.0
#include "train/saved_model.h"

#include <filesystem>

#include "train/checkpoint.h"
#include "train/weights.h"

namespace causeway {
namespace {

bool exists(const std::string& path) {
  std::error_code none;
  return std::filesystem::exists(path, none);
}

void open_folder_tokenizer(SavedModel& saved) {
  const std::string path = saved.folder + "/tokenizer.json";
  const int64_t vocabulary = saved.model->vocabulary();
  if (!exists(path)) {
    if (vocabulary == bytes_tokenizer()->vocabulary())
      saved.tokenizer = bytes_tokenizer();
    else
      saved.tokenizer_problem = fmt::format(
          "{} has no tokenizer.json, and its vocabulary of {} is not that of bytes: 256",
          saved.folder, vocabulary);
    return;
  }
  auto tokenizer = open_tokenizer(path);
  if (!tokenizer)
    saved.tokenizer_problem = tokenizer.error().message;
  else if ((*tokenizer)->vocabulary() > vocabulary)
    saved.tokenizer_problem = fmt::format("{} has tokens up to {}; the model's vocabulary is {}",
                                          path, (*tokenizer)->vocabulary() - 1, vocabulary);
  else
    saved.tokenizer = std::move(*tokenizer);
}

}  // namespace

Result<SavedModel> open_model(const std::string& path, int64_t context) {
  SavedModel out;
  out.folder = path;
  const auto checkpoints = list_checkpoints(path);
  if (!checkpoints.empty()) out.folder = checkpoints.front();
  if (!exists(out.folder + "/config.json"))
    return failure(Fault::kBadInput,
                   "{} is no model: wanted a run's folder, a checkpoint, or a folder with "
                   "config.json and model.safetensors",
                   path);
  CW_ASSIGN(out.config, read_config(out.folder, context));
  Mistakes mistakes;
  out.model = make_plugin(models(), "model", {out.config.preset, out.config.options}, mistakes);
  if (!mistakes.empty())
    return failure(Fault::kBadInput, "{}/config.json: {}", out.folder, mistakes.text());
  // Before memory is asked for: sizes that a stranger states must be those of the files.
  CW_ASSIGN(const WeightFiles files, WeightFiles::open(out.folder));
  CW_ASSIGN(out.dtypes, check_weights(files, out.model->layout()));
  out.x = std::make_unique<Arena>(std::make_shared<const Placement>(out.model->layout()));
  CW_TRY(read_weights(files, *out.x));
  open_folder_tokenizer(out);
  return out;
}

Result<void> want_tokenizer(const SavedModel& saved) {
  if (saved.tokenizer != nullptr) return {};
  return failure(Fault::kBadInput, "{}: {}", saved.folder, saved.tokenizer_problem);
}

std::string run_folder_of(const std::string& checkpoint) {
  return std::filesystem::path(checkpoint).lexically_normal().parent_path().parent_path().string();
}

}  // namespace causeway
