// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/safetensors.h"
#include "model/model.h"
#include "shape/hugging_face.h"
#include "tensor/arena.h"
#include "tokenizer/tokenizer.h"

namespace causeway {

struct SavedModel {
  std::unique_ptr<Model> model;
  std::unique_ptr<Arena> x;
  std::string folder;  ///< that the weights came from
  FolderConfig config;
  std::vector<DType> dtypes;  ///< as stored, by tensor of the layout

  /// The folder's tokenizer.json; bytes if there is none and the vocabulary is 256; else null, and
  /// `tokenizer_problem` says why. Its tokens are all below the model's vocabulary.
  std::shared_ptr<const Tokenizer> tokenizer;
  std::string tokenizer_problem;
};

/// Opens config.json and the weights (train/weight_files.h) of `path`: a run's folder (its newest
/// checkpoint), a checkpoint's, or any folder in Hugging Face's form. `context`: see read_config.
/// Fault::kBadInput names what is missing or not supported; kIo, kCorrupt.
Result<SavedModel> open_model(const std::string& path, int64_t context = 0);

/// Fault::kBadInput with the reason if the model has no tokenizer to read text with.
Result<void> want_tokenizer(const SavedModel& saved);

/// The run's folder that holds a checkpoint, by its path.
std::string run_folder_of(const std::string& checkpoint);

}  // namespace causeway
