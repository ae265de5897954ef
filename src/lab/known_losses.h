// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace causeway {

/// The text of known_losses.json, which the build puts into the program.
extern const std::string_view kKnownLosses;

}  // namespace causeway
