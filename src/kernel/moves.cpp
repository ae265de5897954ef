// SPDX-License-Identifier: Apache-2.0
#include "kernel/moves.h"

#include <cstring>

#include "core/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // g++ 12 warns of its own header
#endif

namespace causeway {
namespace {

constexpr int64_t kBlock = 16;

void transpose_plain(const float* source, int64_t source_stride, int64_t rows, int64_t columns,
                     float* target, int64_t target_stride) {
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t r = 0; r < rows; ++r)  // bits, as they may be pairs of Bf16
      std::memcpy(target + c * target_stride + r, source + r * source_stride + c, sizeof(float));
}

#if defined(__x86_64__)

/// Four steps exchange ever larger pieces of rows: single values, pairs, quarters, halves.
[[gnu::target(CAUSEWAY_AVX512)]] void transpose_16(const float* source, int64_t source_stride,
                                                   float* target, int64_t target_stride) {
  __m512 a[kBlock], b[kBlock];
  for (int i = 0; i < kBlock; ++i) a[i] = _mm512_loadu_ps(source + i * source_stride);
  for (int i = 0; i < kBlock; i += 2) {
    b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
  }
  for (int i = 0; i < kBlock; i += 4)
    for (int j = 0; j < 2; ++j) {
      const __m512d low = _mm512_castps_pd(b[i + j]), high = _mm512_castps_pd(b[i + j + 2]);
      a[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
      a[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
    }
  for (int i = 0; i < kBlock; i += 8)
    for (int j = 0; j < 4; ++j) {
      b[i + j] = _mm512_shuffle_f32x4(a[i + j], a[i + j + 4], 0x88);
      b[i + j + 4] = _mm512_shuffle_f32x4(a[i + j], a[i + j + 4], 0xdd);
    }
  for (int j = 0; j < 8; ++j) {
    a[j] = _mm512_shuffle_f32x4(b[j], b[j + 8], 0x88);
    a[j + 8] = _mm512_shuffle_f32x4(b[j], b[j + 8], 0xdd);
  }
  for (int i = 0; i < kBlock; ++i) _mm512_storeu_ps(target + i * target_stride, a[i]);
}

/// One row of pairs from two rows, or from one and zeros.
[[gnu::target(CAUSEWAY_AVX512)]] void pair_avx512(const Bf16* first, const Bf16* second,
                                                  int64_t blocks, __m512i low, __m512i high,
                                                  Bf16* target) {
  for (int64_t block = 0; block < blocks; ++block) {
    const __m512i a = _mm512_loadu_si512(first + block * 32);
    const __m512i b =
        second == nullptr ? _mm512_setzero_si512() : _mm512_loadu_si512(second + block * 32);
    _mm512_storeu_si512(target + block * 64, _mm512_permutex2var_epi16(a, low, b));
    _mm512_storeu_si512(target + block * 64 + 32, _mm512_permutex2var_epi16(a, high, b));
  }
}

[[gnu::target(CAUSEWAY_AVX512)]] void interleave_avx512(const Bf16* source, int64_t source_stride,
                                                        int64_t rows, int64_t blocks, Bf16* target,
                                                        int64_t target_stride) {
  alignas(64) uint16_t lanes[64];
  for (uint16_t i = 0; i < 32; ++i) {
    lanes[2 * i] = i;
    lanes[2 * i + 1] = static_cast<uint16_t>(i + 32);
  }
  const __m512i low = _mm512_load_si512(lanes), high = _mm512_load_si512(lanes + 32);
  for (int64_t row = 0; row < rows; row += 2) {
    const Bf16* first = source + row * source_stride;
    pair_avx512(first, row + 1 < rows ? first + source_stride : nullptr, blocks, low, high,
                target + row / 2 * target_stride);
  }
}

[[gnu::target(CAUSEWAY_AVX512 ",avx512bf16")]] void round_avx512(const float* source,
                                                                 int64_t source_stride,
                                                                 int64_t rows, int64_t blocks,
                                                                 Bf16* target,
                                                                 int64_t target_stride) {
  for (int64_t row = 0; row < rows; ++row, source += source_stride, target += target_stride)
    for (int64_t i = 0; i < 32 * blocks; i += 32) {
      const __m512bh both =
          _mm512_cvtne2ps_pbh(_mm512_loadu_ps(source + i + 16), _mm512_loadu_ps(source + i));
      std::memcpy(static_cast<void*>(target + i), &both, sizeof(both));
    }
}

#endif

}  // namespace

void transpose(const float* source, int64_t source_stride, int64_t rows, int64_t columns,
               float* target, int64_t target_stride) {
  int64_t whole_rows = 0, whole_columns = 0;
#if defined(__x86_64__)
  if (simd() >= Simd::kAvx512) {
    whole_rows = rows / kBlock * kBlock;
    whole_columns = columns / kBlock * kBlock;
    for (int64_t c = 0; c < whole_columns; c += kBlock)
      for (int64_t r = 0; r < whole_rows; r += kBlock)
        transpose_16(source + r * source_stride + c, source_stride, target + c * target_stride + r,
                     target_stride);
  }
#endif
  transpose_plain(source + whole_rows * source_stride, source_stride, rows - whole_rows,
                  whole_columns, target + whole_rows, target_stride);
  transpose_plain(source + whole_columns, source_stride, rows, columns - whole_columns,
                  target + whole_columns * target_stride, target_stride);
}

void interleave(const Bf16* source, int64_t source_stride, int64_t rows, int64_t columns,
                Bf16* target, int64_t target_stride) {
  int64_t done = 0;
#if defined(__x86_64__)
  if (simd() >= Simd::kAvx512) {
    done = columns / 32 * 32;
    interleave_avx512(source, source_stride, rows, columns / 32, target, target_stride);
  }
#endif
  if (done == columns) return;
  for (int64_t row = 0; row < rows; row += 2) {
    const Bf16* first = source + row * source_stride;
    Bf16* pairs = target + row / 2 * target_stride;
    for (int64_t i = done; i < columns; ++i) {
      pairs[2 * i] = first[i];
      pairs[2 * i + 1] = row + 1 < rows ? first[source_stride + i] : Bf16{};
    }
  }
}

void round_rows(const float* source, int64_t source_stride, int64_t rows, int64_t columns,
                Bf16* target, int64_t target_stride) {
  int64_t done = 0;
#if defined(__x86_64__)
  if (simd() >= Simd::kAvx512Bf16) {
    done = columns / 32 * 32;
    round_avx512(source, source_stride, rows, columns / 32, target, target_stride);
  }
#endif
  if (done == columns) return;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = done; i < columns; ++i)
      target[row * target_stride + i] = static_cast<Bf16>(source[row * source_stride + i]);
}

}  // namespace causeway
