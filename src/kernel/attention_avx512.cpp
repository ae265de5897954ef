// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)
#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <utility>

#include "kernel/attention_head.h"
#include "kernel/attention_level.h"
#include "kernel/attention_scratch.h"

CAUSEWAY_TARGET(CAUSEWAY_AVX512)
#include "kernel/attention_backward.h"
#include "kernel/attention_forward.h"
#include "kernel/attention_lanes_avx512.h"

namespace causeway {
namespace {

struct Avx512 : LanesAvx512<Avx512> {};

}  // namespace

AttentionLevel attention_avx512() {
  return {{forward_pass<Avx512, float>, backward_pass<Avx512, float>},
          {forward_pass<Avx512, Bf16>, backward_pass<Avx512, Bf16>}};
}

}  // namespace causeway
CAUSEWAY_TARGET_END
#endif
