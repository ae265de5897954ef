// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "core/bytes.h"
#include "core/error.h"
#include "core/hash.h"
#include "recipe/recipe.h"

namespace causeway {

/// The parameters that a run begins with, in global order: from the seed, or from model.init.
/// Fault::kBadInput, kIo or kCorrupt if its files are not usable.
Result<std::vector<float>> first_parameters(const Recipe& recipe);

/// The state before the first step, piece by piece: what Mirror::save gives of it. For plans that
/// cannot be mirrored, the parameters alone: nobody can join there, but all must begin alike.
/// Returns the digest of the parameters, as weights_digest. Errors as above, and those of `write`.
Result<Digest> save_genesis(const Recipe& recipe, const BoundPlan& plan,
                            const std::function<Result<void>(ByteSpan)>& write);
/// The same as a whole.
Result<Bytes> genesis_of(const Recipe& recipe, const BoundPlan& plan);

}  // namespace causeway
