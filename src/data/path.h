// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace causeway {

/// Where a path of a recipe leads: absolute paths stay; relative ones start at `base`, the recipe's
/// folder, or where the process runs if nothing is at the first. Always absolute.
std::string find_path(const std::string& base, const std::string& path);

}  // namespace causeway
