// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "net/frame.h"
#include "recipe/shared_recipe.h"

namespace causeway {

/// The recipe of a charter with this place's own part. The tokenizer is kept in `folder`.
/// Fault::kBadInput with all mistakes, kIo, or kRefused if the model is another one here.
Result<Recipe> read_charter_recipe(const Charter& charter, OwnPart own, const std::string& folder);

}  // namespace causeway
