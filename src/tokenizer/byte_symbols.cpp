// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/byte_symbols.h"

#include <array>

namespace causeway {
namespace {

constexpr int kSymbolsEnd = 256 + 68;

bool is_printable(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Table {
  std::array<int, 256> code_of{};
  std::array<int, kSymbolsEnd> byte_of{};

  Table() {
    byte_of.fill(-1);
    int next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const int code = is_printable(byte) ? byte : next++;
      code_of[static_cast<size_t>(byte)] = code;
      byte_of[static_cast<size_t>(code)] = byte;
    }
  }
};

const Table& table() {
  static const Table made;
  return made;
}

}  // namespace

std::string byte_symbol(uint8_t byte) {
  const int code = table().code_of[byte];
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

std::optional<std::string> bytes_of_symbols(std::string_view symbols) {
  std::string out;
  for (size_t i = 0; i < symbols.size(); ++i) {
    int code = static_cast<unsigned char>(symbols[i]);
    if (code >= 0x80) {
      // All symbols are below U+0800: two bytes.
      if (code < 0xC2 || code > 0xDF || i + 1 == symbols.size()) return std::nullopt;
      const int next = static_cast<unsigned char>(symbols[++i]);
      if ((next & 0xC0) != 0x80) return std::nullopt;
      code = (code & 0x1F) << 6 | (next & 0x3F);
    }
    if (code >= kSymbolsEnd || table().byte_of[static_cast<size_t>(code)] < 0) return std::nullopt;
    out.push_back(static_cast<char>(table().byte_of[static_cast<size_t>(code)]));
  }
  return out;
}

}  // namespace causeway
