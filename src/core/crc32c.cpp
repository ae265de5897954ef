// SPDX-License-Identifier: Apache-2.0
//
// CRC-32C, eight bytes at a time: by the processor's instruction where it has one, else by eight
// tables ("slicing by 8"; Kounavis and Berry, "A Systematic Approach to Building High Performance
// Software-Based CRC Generators", 2005). Long bytes are first folded by carry-less products, 256 to
// 256, where those are wide (Gopal and others, "Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ Instruction", 2009). All give the same number.
#include <array>

#include "core/hash.h"
#include "core/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
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

constexpr size_t kFold = 256;

// x^power modulo the polynomial, in the upper half of a word: bit i stands for x^(63 - i).
constexpr int64_t power_of_x(size_t power) {
  uint32_t value = 1u << 31;
  for (size_t i = 0; i < power; ++i) value = (value >> 1) ^ ((value & 1) ? 0x82f63b78u : 0u);
  return static_cast<int64_t>(uint64_t{value} << 32);
}

// The CRC depends on the bytes as a polynomial modulo the CRC's own. So 16 bytes a x^64 + b may be
// replaced by a (x^(n + 64) mod P) + b (x^n mod P), n bits further on: added to the 16 bytes there.
// A carry-less product of words in this order of bits has one x too many, hence n - 1.
__attribute__((target("avx512f,vpclmulqdq,sse4.2"))) uint32_t by_folding(ByteSpan bytes,
                                                                         uint32_t crc) {
  constexpr size_t kBits = 8 * kFold;
  constexpr int64_t kHigh = power_of_x(kBits + 63), kLow = power_of_x(kBits - 1);
  const __m512i factors = _mm512_set_epi64(kLow, kHigh, kLow, kHigh, kLow, kHigh, kLow, kHigh);
  __m512i sums[4];
  for (size_t k = 0; k < 4; ++k) sums[k] = _mm512_loadu_si512(bytes.data() + 64 * k);
  sums[0] =
      _mm512_xor_si512(sums[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(crc))));
  for (bytes = bytes.subspan(kFold); bytes.size() >= kFold; bytes = bytes.subspan(kFold))
    for (size_t k = 0; k < 4; ++k) {
      const __m512i high = _mm512_clmulepi64_epi128(sums[k], factors, 0x00);
      const __m512i low = _mm512_clmulepi64_epi128(sums[k], factors, 0x11);
      const __m512i next = _mm512_loadu_si512(bytes.data() + 64 * k);
      sums[k] = _mm512_ternarylogic_epi64(high, low, next, 0x96);  // the xor of three
    }
  std::array<std::byte, kFold> folded;
  for (size_t k = 0; k < 4; ++k) _mm512_storeu_si512(folded.data() + 64 * k, sums[k]);
  return by_instruction(bytes, by_instruction(folded, 0));
}

bool folds() {
  static const bool able = simd() >= Simd::kAvx512 && __builtin_cpu_supports("vpclmulqdq");
  return able;
}
#endif

}  // namespace

uint32_t crc32c_portable(ByteSpan bytes, uint32_t crc) { return ~by_tables(bytes, ~crc); }

uint32_t crc32c(ByteSpan bytes, uint32_t crc) {
#if defined(__x86_64__)
  if (bytes.size() >= 2 * kFold && folds()) return ~by_folding(bytes, ~crc);
  if (__builtin_cpu_supports("sse4.2")) return ~by_instruction(bytes, ~crc);
#endif
  return crc32c_portable(bytes, crc);
}

}  // namespace causeway
