// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/error.h"

namespace causeway {

static_assert(std::endian::native == std::endian::little, "files and wire are little-endian");

using Bytes = std::vector<std::byte>;
using ByteSpan = std::span<const std::byte>;

/// Appends fixed-width little-endian values.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& bytes) : bytes_(bytes) {}

  template <class T>
    requires std::is_arithmetic_v<T>
  void put(T value) {
    put(std::as_bytes(std::span(&value, 1)));
  }
  /// `bytes` must not lie in what is written to.
  void put(ByteSpan bytes) {
    if (bytes.empty()) return;
    const size_t start = bytes_.size();
    bytes_.resize(start + bytes.size());
    std::memcpy(bytes_.data() + start, bytes.data(), bytes.size());
  }
  /// A u32 length and the text; at most 2^32 - 1 bytes.
  void put_text(std::string_view text) {
    CW_CHECK(text.size() <= UINT32_MAX, "a text of {} bytes", text.size());
    put(static_cast<uint32_t>(text.size()));
    put(std::as_bytes(std::span(text)));
  }

 private:
  Bytes& bytes_;
};

/// Reads what a ByteWriter wrote. The bytes come from a stranger: reading past the end is
/// Fault::kCorrupt, never a crash.
class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : bytes_(bytes) {}

  template <class T>
    requires std::is_arithmetic_v<T>
  Result<T> get() {
    CW_ASSIGN(ByteSpan part, take(sizeof(T)));
    // A bool that is neither 0 nor 1 is undefined behaviour, and a stranger may send one.
    if constexpr (std::is_same_v<T, bool>) {
      const auto byte = static_cast<uint8_t>(part.front());
      if (byte > 1) return failure(Fault::kCorrupt, "got byte {} where 0 or 1 was wanted", byte);
      return byte == 1;
    } else {
      T value;
      std::memcpy(&value, part.data(), sizeof(T));
      return value;
    }
  }
  /// The next `count` bytes, without a copy.
  Result<ByteSpan> take(size_t count);
  /// At most `size_max` bytes of text.
  Result<std::string_view> get_text(size_t size_max);
  size_t left() const { return bytes_.size(); }

 private:
  ByteSpan bytes_;
};

}  // namespace causeway
