// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include "kernel/attention_lanes.h"

namespace causeway {

template <class Machine>
struct LanesAvx512 : Lanes<Machine, 16> {
  using Base = Lanes<Machine, 16>;
  using Floats = typename Base::Floats;
  static constexpr int kRows = 8, kVectors = 4;

  /// All lanes. GCC 12 warns of the unset register in the intrinsics without a mask.
  static constexpr __mmask16 kAll = 0xffff;
  CAUSEWAY_INLINE __mmask16 first(int64_t count) { return (__mmask16)((1u << count) - 1); }

  CAUSEWAY_INLINE Floats load_part(const float* from, int64_t count) {
    return _mm512_maskz_loadu_ps(first(count), from);
  }
  CAUSEWAY_INLINE Floats load_part(const Bf16* from, int64_t count) {
    const auto halves = (typename Base::Halves)_mm256_maskz_loadu_epi16(first(count), from);
    return (Floats)(__builtin_convertvector(halves, typename Base::Words) << 16);
  }
  template <class T>
  CAUSEWAY_INLINE void store_part(T* to, Floats x, int64_t count) {
    if constexpr (sizeof(T) == 4)
      _mm512_mask_storeu_ps(to, first(count), x);
    else
      _mm256_mask_storeu_epi16(to, first(count), (__m256i)Machine::round(x));
  }
  CAUSEWAY_INLINE Floats broadcast(float x) { return _mm512_set1_ps(x); }
  CAUSEWAY_INLINE Floats multiply_add(Floats a, Floats b, Floats c) {
    return _mm512_fmadd_ps(a, b, c);
  }
  CAUSEWAY_INLINE Floats max(Floats a, Floats b) { return _mm512_maskz_max_ps(kAll, a, b); }
  template <int Degree>
  CAUSEWAY_INLINE Floats exp2(Floats x) {
    const Floats whole = _mm512_maskz_roundscale_ps(kAll, x, _MM_FROUND_TO_NEAREST_INT);
    const Floats fraction = x - whole;
    Floats power = broadcast(kExp2<Degree>[Degree - 1]);
#pragma GCC unroll 8
    for (int k = Degree - 2; k >= 0; --k)
      power = multiply_add(power, fraction, broadcast(kExp2<Degree>[k]));
    return _mm512_maskz_scalef_ps(kAll, multiply_add(power, fraction, broadcast(1)), whole);
  }

 private:
  friend Machine;
  LanesAvx512() = default;
};

}  // namespace causeway
