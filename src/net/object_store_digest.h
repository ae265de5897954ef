// SPDX-License-Identifier: Apache-2.0
//
// A digest that an attacker cannot meet with other bytes; core/hash.h has those for accidents.
#pragma once

#include <array>
#include <string>

#include "core/bytes.h"

namespace causeway {

using Sha256 = std::array<std::byte, 32>;

Sha256 sha256_of(ByteSpan bytes);
/// Two lower-case digits a byte.
std::string hex_of(ByteSpan bytes);

}  // namespace causeway
