// SPDX-License-Identifier: Apache-2.0
//
// The recipe that advice ends in.
#pragma once

#include <string>
#include <vector>

#include "lab/model_sizes.h"
#include "recipe/recipe.h"

namespace causeway {

struct RecipeSizes {
  int64_t sites = 0;
  int64_t batch_tokens = 65'536;  ///< of one step of one site
  int64_t steps = 100'000;
};

/// A recipe's tables without [sync] for a model of this size: AdamW on a cosine, bytes as tokens,
/// sites whose text is still to be named.
Value recipe_of_size(const ModelSize& size, const RecipeSizes& sizes);

/// The same for what another recipe trains: its [model], [train] and tokenizer, and its sites if
/// they are as many as wanted; 0: as they are. Fault::kBadInput with all mistakes of that recipe.
Result<Value> recipe_like(const std::string& path, const RecipeSizes& sizes);

/// Whether a text is still to be named.
bool has_placeholders(const Value& recipe);

/// With its method, the optimizer that this is made for, and its steps, as TOML under a comment of
/// these lines.
std::string advised_recipe(const Value& recipe, const Value& sync, int64_t steps,
                           const std::vector<std::string>& head);

}  // namespace causeway
