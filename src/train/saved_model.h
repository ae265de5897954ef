// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "model/model.h"
#include "tensor/arena.h"

namespace causeway {

struct SavedModel {
  std::unique_ptr<Model> model;
  std::unique_ptr<Arena> x;
  std::string folder;  ///< that the weights came from
};

/// Opens config.json and model.safetensors of `path`: a run's folder (its newest checkpoint), a
/// checkpoint's, or any folder in Hugging Face's form. Fault::kBadInput names what is missing or
/// not supported.
Result<SavedModel> open_model(const std::string& path);

}  // namespace causeway
