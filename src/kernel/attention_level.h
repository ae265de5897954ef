// SPDX-License-Identifier: Apache-2.0
//
// The attention kernel of each instruction set: attention_kernel.cpp takes the machine's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/bf16.h"
#include "core/simd.h"
#include "kernel/attention_kernel.h"

// CAUSEWAY_TARGET(instruction sets): what follows is compiled for them, to the end of the file. It
// goes after all includes but those of the kernel, lest functions of other headers be compiled so.
// Clang wants CAUSEWAY_TARGET_END.
#define CAUSEWAY_PRAGMA(...) _Pragma(#__VA_ARGS__)
#if defined(__clang__)
#define CAUSEWAY_TARGET(set) \
  CAUSEWAY_PRAGMA(clang attribute push(__attribute__((target(set))), apply_to = function))
#define CAUSEWAY_TARGET_END CAUSEWAY_PRAGMA(clang attribute pop)
#else
#define CAUSEWAY_TARGET(set) CAUSEWAY_PRAGMA(GCC target(set))
#define CAUSEWAY_TARGET_END
#endif

namespace causeway {

/// The functions of attention_kernel.h for one type of value, with `scratch` large enough.
template <class Value>
struct AttentionPasses {
  void (*forward)(const AttentionSizes& sizes, const Value* heads_THD, Value* out_TND,
                  float* log_sum_NT, std::byte* scratch);
  void (*backward)(const AttentionSizes& sizes, const Value* heads_THD, const Value* out_TND,
                   const Value* dout_TND, const float* log_sum_NT, Value* dheads_THD,
                   std::byte* scratch);
};

struct AttentionLevel {
  AttentionPasses<float> floats;
  AttentionPasses<Bf16> bf16s;
};

AttentionLevel attention_baseline();
#if defined(__x86_64__)
AttentionLevel attention_avx2();
AttentionLevel attention_avx512();
AttentionLevel attention_avx512_bf16();
#endif

}  // namespace causeway
