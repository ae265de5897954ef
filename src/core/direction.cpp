// SPDX-License-Identifier: Apache-2.0
#include "core/direction.h"

#include "core/check.h"
#include "core/random.h"

namespace causeway {

// One block of random bits serves 64 values: bit i of block b is value 64 b + i.
void fill_direction(uint64_t seed, int64_t step, int32_t worker, int64_t begin,
                    std::span<float> out) {
  CW_CHECK(step >= 0 && begin >= 0 && begin + std::ssize(out) <= int64_t{1} << 46,
           "step {}, values from {}", step, begin);
  const Random random(seed, Stream::kDirection, static_cast<uint32_t>(worker));
  const uint64_t first = static_cast<uint64_t>(step) << 40;
  uint64_t at = static_cast<uint64_t>(begin), bits = 0;
  for (size_t i = 0; i < out.size(); ++i, ++at) {
    if (i == 0 || at % 64 == 0) bits = random.bits(first + at / 64);
    out[i] = ((bits >> (at % 64)) & 1) != 0 ? 1.0f : -1.0f;
  }
}

}  // namespace causeway
