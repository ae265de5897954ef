// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/bytes.h"
#include "core/error.h"
#include "recipe/recipe.h"

namespace causeway {

/// The parameters that a run begins with, in global order: from the seed, or from model.init.
/// Fault::kBadInput, kIo or kCorrupt if its files are not usable.
Result<std::vector<float>> first_parameters(const Recipe& recipe);

/// The state before the first step: Mirror::snapshot() of it. For plans that cannot be mirrored,
/// the parameters alone: nobody can join there, but all must begin alike. Errors as above.
Result<Bytes> genesis_of(const Recipe& recipe, const BoundPlan& plan);

}  // namespace causeway
