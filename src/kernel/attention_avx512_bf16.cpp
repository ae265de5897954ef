// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)
#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <utility>

#include "kernel/attention_head.h"
#include "kernel/attention_level.h"
#include "kernel/attention_scratch.h"

CAUSEWAY_TARGET(CAUSEWAY_AVX512 ",avx512bf16")
#include "kernel/attention_backward.h"
#include "kernel/attention_forward.h"
#include "kernel/attention_lanes_avx512.h"

namespace causeway {
namespace {

/// Words are pairs of bfloat16, the earlier one in the lower half.
struct Pairs : LanesAvx512<Pairs> {
  static constexpr int64_t kDepth = 2;
  static constexpr int kDegree = 4;

  CAUSEWAY_INLINE Floats words(const Bf16* from, int64_t count) {
    if (count >= kLanes) return (Floats)_mm512_loadu_si512(from);
    return (Floats)_mm512_maskz_loadu_epi32(first(count), from);
  }
  CAUSEWAY_INLINE Floats broadcast_word(uint32_t word) {
    return (Floats)_mm512_set1_epi32(static_cast<int>(word));
  }
  CAUSEWAY_INLINE Floats add_products(Floats a, Floats b, Floats sum) {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
  }
  CAUSEWAY_INLINE Halves round(Floats x) { return (Halves)_mm512_cvtneps_pbh(x); }
  CAUSEWAY_INLINE void store_along(uint32_t* to, const Floats (&x)[1]) {
    _mm256_storeu_si256((__m256i*)to, (__m256i)_mm512_cvtneps_pbh(x[0]));
  }
  CAUSEWAY_INLINE void store_along(uint32_t* to, const Floats (&x)[2]) {
    _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(x[1], x[0]));
  }
  /// 0, 16, 1, 17, ...
  CAUSEWAY_INLINE __m512i alternating() {
    return _mm512_add_epi32(_mm512_set1_epi32(16 << 16),
                            _mm512_mullo_epi32(_mm512_set1_epi32(0x10001),
                                               _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
                                                                 11, 12, 13, 14, 15)));
  }
  CAUSEWAY_INLINE void store_across(uint32_t* to, const Floats (&x)[2]) {
    const __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(x[1], x[0]);
    _mm512_storeu_si512(to, _mm512_permutexvar_epi16(alternating(), halves));
  }
  CAUSEWAY_INLINE Floats across(const Bf16* const (&rows)[2], int64_t count) {
    const __mmask16 kept = count < kLanes ? first(count) : kAll;
    const __mmask16 later = rows[1] == nullptr ? __mmask16{0} : kept;
    if (rows[0] == nullptr) return Floats{};
    const auto low = (Halves)_mm256_maskz_loadu_epi16(kept, rows[0]);
    const auto high = (Halves)_mm256_maskz_loadu_epi16(later, rows[1]);
    return (Floats)(__builtin_convertvector(low, Words) |
                    (__builtin_convertvector(high, Words) << 16));
  }
};

}  // namespace

AttentionLevel attention_avx512_bf16() {
  AttentionLevel level = attention_avx512();
  level.bf16s = {forward_pass<Pairs, Bf16>, backward_pass<Pairs, Bf16>};
  return level;
}

}  // namespace causeway
CAUSEWAY_TARGET_END
#endif
