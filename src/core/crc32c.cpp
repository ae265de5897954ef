// SPDX-License-Identifier: Apache-2.0
//
// CRC-32C, eight bytes at a time: by the processor's instruction where it has one, else by eight
// tables ("slicing by 8"; Kounavis and Berry, "A Systematic Approach to Building High Performance
// Software-Based CRC Generators", 2005). Both give the same number.
#include <array>

#include "core/hash.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace causeway {
namespace {

using Tables = std::array<std::array<uint32_t, 256>, 8>;

// tables[k][b]: what byte b becomes after k more bytes of zero.
constexpr Tables make_tables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0x82f63b78u : 0u);
    tables[0][byte] = value;
  }
  for (size_t k = 1; k < 8; ++k)
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  return tables;
}

uint64_t eight_bytes(const std::byte* from) {
  uint64_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

uint32_t by_tables(ByteSpan bytes, uint32_t crc) {
  static constexpr Tables kTables = make_tables();
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    const uint64_t word = eight_bytes(bytes.data()) ^ crc;
    crc = 0;
    for (size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][(word >> (8 * i)) & 0xff];
  }
  for (const std::byte byte : bytes)
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<uint32_t>(byte)) & 0xff];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t by_instruction(ByteSpan bytes, uint32_t crc) {
  uint64_t wide = crc;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8))
    wide = _mm_crc32_u64(wide, eight_bytes(bytes.data()));
  crc = static_cast<uint32_t>(wide);
  for (const std::byte byte : bytes) crc = _mm_crc32_u8(crc, static_cast<uint8_t>(byte));
  return crc;
}
#endif

}  // namespace

uint32_t crc32c_portable(ByteSpan bytes, uint32_t crc) { return ~by_tables(bytes, ~crc); }

uint32_t crc32c(ByteSpan bytes, uint32_t crc) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ~by_instruction(bytes, ~crc);
#endif
  return crc32c_portable(bytes, crc);
}

}  // namespace causeway
