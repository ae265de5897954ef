// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)
#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <utility>

#include "kernel/attention_head.h"
#include "kernel/attention_level.h"
#include "kernel/attention_scratch.h"

CAUSEWAY_TARGET(CAUSEWAY_AVX2)
#include "kernel/attention_backward.h"
#include "kernel/attention_forward.h"

namespace causeway {
namespace {

struct Avx2 : Lanes<Avx2, 8> {
  static constexpr int kRows = 4, kVectors = 3;

  CAUSEWAY_INLINE Floats broadcast(float x) { return _mm256_set1_ps(x); }
  CAUSEWAY_INLINE Floats multiply_add(Floats a, Floats b, Floats c) {
    return _mm256_fmadd_ps(a, b, c);
  }
  CAUSEWAY_INLINE Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
};

}  // namespace

AttentionLevel attention_avx2() {
  return {{forward_pass<Avx2, float>, backward_pass<Avx2, float>},
          {forward_pass<Avx2, Bf16>, backward_pass<Avx2, Bf16>}};
}

}  // namespace causeway
CAUSEWAY_TARGET_END
#endif
