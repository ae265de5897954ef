// SPDX-License-Identifier: Apache-2.0
//
// The method of a recipe: what it trains with, and its plan.
#pragma once

#include <string>
#include <vector>

#include "recipe/recipe.h"

namespace causeway {

/// Gives the recipe the optimizer and the objective that its method is made for, and notes what
/// they stand in place of. The [sync] table is read.
void fit_training(Recipe& recipe);

/// Makes the plan, and tells what is wrong with it. Optimizer, objective and shape are there, or
/// null if they have mistakes.
void read_method(Recipe& recipe, Mistakes& mistakes);

/// Another method was chosen for a recipe: what its file, `old_root`, says to the old one alone
/// goes from `root`, and is noted.
void drop_options_of_old_preset(const Value& old_root, Value& root,
                                std::vector<std::string>& notes);

}  // namespace causeway
