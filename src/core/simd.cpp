// SPDX-License-Identifier: Apache-2.0
#include "core/simd.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace causeway {
namespace {

constexpr std::array<std::pair<Simd, std::string_view>, 4> kNames = {{
    {Simd::kBaseline, "baseline"},
    {Simd::kAvx2, "avx2"},
    {Simd::kAvx512, "avx512"},
    {Simd::kAvx512Bf16, "avx512_bf16"},
}};

Simd of_machine() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi2");
  if (!avx2) return Simd::kBaseline;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (!avx512) return Simd::kAvx2;
  return __builtin_cpu_supports("avx512bf16") ? Simd::kAvx512Bf16 : Simd::kAvx512;
#else
  return Simd::kBaseline;
#endif
}

Simd chosen() {
  const char* wanted = std::getenv("CAUSEWAY_SIMD");
  if (wanted == nullptr) return of_machine();
  for (const auto& [simd, name] : kNames)
    if (name == wanted) return std::min(simd, of_machine());
  return of_machine();
}

}  // namespace

Simd simd() {
  static const Simd best = chosen();
  return best;
}

std::string_view simd_name(Simd simd) {
  for (const auto& [known, name] : kNames)
    if (known == simd) return name;
  return "unknown";
}

}  // namespace causeway
