// SPDX-License-Identifier: Apache-2.0
//
// How a byte-level tokenizer.json writes bytes: each as one printable character, so that words of
// any bytes are text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace causeway {

/// The character of a byte, in UTF-8: printable Latin-1 stands for itself, the other 68 bytes are
/// U+0100 and on, in order.
std::string byte_symbol(uint8_t byte);

/// The bytes that a word of such characters stands for; none if another character is in it.
std::optional<std::string> bytes_of_symbols(std::string_view symbols);

}  // namespace causeway
