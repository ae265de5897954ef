// SPDX-License-Identifier: Apache-2.0
#include "codec/finite.h"

#include <algorithm>

namespace causeway {

uint32_t absmax_bits(std::span<const float> values) {
  // Signed: the baseline of x86-64 compares no unsigned vectors.
  int32_t most = 0;
  for (const float value : values)
    most = std::max(most, std::bit_cast<int32_t>(value) & 0x7fffffff);
  return static_cast<uint32_t>(most);
}

void check_block(std::span<const float> block) {
  CW_CHECK(!block.empty() && std::ssize(block) <= kBlockValues, "a block of {} values",
           block.size());
  CW_CHECK(all_finite(block), "a block with NaN or infinity");
}

Result<void> want_bytes(std::string_view codec, ByteSpan bytes, size_t wanted) {
  if (bytes.size() == wanted) return {};
  return failure(Fault::kCorrupt, "{}: got {} bytes; wanted: {}", codec, bytes.size(), wanted);
}

}  // namespace causeway
