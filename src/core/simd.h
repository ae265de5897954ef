// SPDX-License-Identifier: Apache-2.0
//
// Loops compiled for several instruction sets, of which the machine's best is chosen at run time.
#pragma once

#include <cstdint>
#include <string_view>

namespace causeway {

/// Instruction sets in ascending order; each has those before it.
enum class Simd : uint8_t {
  kBaseline = 1,    ///< what the compiler was told to expect everywhere
  kAvx2 = 2,        ///< with FMA and F16C
  kAvx512 = 3,      ///< F, BW, CD, DQ, VL
  kAvx512Bf16 = 4,  ///< and products of bfloat16 pairs
};

/// The best set of this machine, or the one that the environment variable CAUSEWAY_SIMD names
/// (baseline, avx2, avx512, avx512_bf16) if that is less. Thread-safe.
Simd simd();
std::string_view simd_name(Simd simd);

#if defined(__x86_64__)
#define CAUSEWAY_AVX2 "avx2,fma,bmi2,f16c"
#if defined(__clang__)
#define CAUSEWAY_AVX512 CAUSEWAY_AVX2 ",avx512f,avx512bw,avx512cd,avx512dq,avx512vl"
#else
#define CAUSEWAY_AVX512 \
  CAUSEWAY_AVX2 ",avx512f,avx512bw,avx512cd,avx512dq,avx512vl,prefer-vector-width=512"
#endif

template <class Body>
[[gnu::target(CAUSEWAY_AVX2), gnu::flatten]] void run_avx2(const Body& body) {
  body();
}
template <class Body>
[[gnu::target(CAUSEWAY_AVX512), gnu::flatten]] void run_avx512(const Body& body) {
  body();
}
#endif

/// Runs `body()` as compiled for this machine: everything that it calls and whose source is seen is
/// inlined and vectorised with the instructions at hand. Products and sums are not contracted, so
/// all sets give the same bits. A dispatch costs a few nanoseconds: wrap loops, not their bodies.
template <class Body>
void with_simd(const Body& body) {
#if defined(__x86_64__)
  if (simd() >= Simd::kAvx512) return run_avx512(body);
  if (simd() >= Simd::kAvx2) return run_avx2(body);
#endif
  body();
}

}  // namespace causeway
