// SPDX-License-Identifier: Apache-2.0
#include "codec/finite.h"

#include <algorithm>

#include "core/simd.h"

namespace causeway {

uint32_t absmax_bits(std::span<const float> values) {
  // Signed: the baseline of x86-64 compares no unsigned vectors.
  int32_t most = 0;
  with_simd([&most, data = values.data(), size = values.size()] {
    int32_t found = 0;
    for (size_t i = 0; i < size; ++i)
      found = std::max(found, std::bit_cast<int32_t>(data[i]) & 0x7fffffff);
    most = found;
  });
  return static_cast<uint32_t>(most);
}

void check_block_size(std::span<const float> block) {
  CW_CHECK(!block.empty() && std::ssize(block) <= kBlockValues, "a block of {} values",
           block.size());
}

void check_finite(uint32_t most_bits) {
  CW_CHECK(most_bits < kInfinityBits, "a block with NaN or infinity");
}

void check_block(std::span<const float> block) {
  check_block_size(block);
  check_finite(absmax_bits(block));
}

Result<void> want_bytes(std::string_view codec, ByteSpan bytes, size_t wanted) {
  if (bytes.size() == wanted) return {};
  return failure(Fault::kCorrupt, "{}: got {} bytes; wanted: {}", codec, bytes.size(), wanted);
}

}  // namespace causeway
