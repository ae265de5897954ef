// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "core/error.h"
#include "data/source.h"
#include "recipe/recipe.h"

namespace causeway {

/// The opened sources of one site.
using Sources = std::vector<std::shared_ptr<const Source>>;

/// Opens the sources of these sites, by index; the others have none. The errors of sources, with
/// the site's name.
Result<std::vector<Sources>> open_sites(const Recipe& recipe, const std::set<int32_t>& sites);
/// Of every site.
Result<std::vector<Sources>> open_sites(const Recipe& recipe);

/// Validation tokens of all sources; they count as one text, one source after the other.
int64_t valid_tokens(const Sources& sources);
/// Copies validation tokens [begin, begin + out.size()), which must be there.
void read_valid(const Sources& sources, int64_t begin, std::span<int32_t> out);

/// Bits per byte that byte n-grams of the site's own training text reach on its validation text:
/// the best order of 1 to 5, on at most 8 MiB of each.
double yardstick(const Sources& sources, const Tokenizer& tokenizer);

}  // namespace causeway
