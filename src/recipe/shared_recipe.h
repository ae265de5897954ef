// SPDX-License-Identifier: Apache-2.0
//
// A recipe as it goes from the hub to workers: everything that all must agree on, and nothing that
// is one place's own (paths of text, folders).
#pragma once

#include <string>

#include "recipe/recipe.h"

namespace causeway {

/// As TOML. Sites have name and weight only; the first weights and the tokenizer are the hub's to
/// give.
std::string shared_recipe(const Recipe& recipe);

/// What is a place's own.
struct OwnPart {
  std::string base;       ///< relative paths start here
  std::string tokenizer;  ///< path of a tokenizer.json; "bytes"
  std::string recorded;   ///< data.recorded; empty: none
  Value::Array site;      ///< [[data.site]] tables, as in a recipe: those that are here
  int64_t threads = 0;
};

/// The recipe of a worker: the shared one with its own part. No path in `shared` is followed: a hub
/// that lies does not say what is read here. All mistakes are told at once.
Recipe read_shared_recipe(const std::string& shared, const OwnPart& own, Mistakes& mistakes);

}  // namespace causeway
