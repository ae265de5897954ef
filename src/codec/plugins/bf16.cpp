// SPDX-License-Identifier: Apache-2.0
// The upper half of a float, rounded to nearest, ties to even: 2 bytes a value, 8 bits of precision.
#include <algorithm>
#include <bit>
#include <cstring>

#include "codec/codec.h"

namespace causeway {
namespace {

/// Rounds to bfloat16; what would round to infinity becomes the largest finite value.
uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const uint32_t sign = rounded & 0x8000;
  return static_cast<uint16_t>(sign | std::min<uint32_t>(rounded & 0x7fff, 0x7f7f));
}

class Bf16 final : public Codec {
 public:
  using Options = NoOptions;
  explicit Bf16(const Options&) {}

  void encode(std::span<const float> block, uint64_t, Bytes& bytes) const override {
    const size_t begin = bytes.size();
    bytes.resize(begin + 2 * block.size());
    std::byte* out = bytes.data() + begin;
    for (size_t i = 0; i < block.size(); ++i) {
      const uint16_t half = to_bf16(block[i]);
      std::memcpy(out + 2 * i, &half, 2);
    }
  }
  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    if (bytes.size() != 2 * block.size())
      return failure(Fault::kCorrupt, "bf16: {} bytes for {} values", bytes.size(), block.size());
    uint32_t infinite = 0;
    for (size_t i = 0; i < block.size(); ++i) {
      uint16_t half;
      std::memcpy(&half, bytes.data() + 2 * i, 2);
      infinite |= static_cast<uint32_t>((half & 0x7f80) == 0x7f80);
      block[i] = std::bit_cast<float>(uint32_t{half} << 16);
    }
    if (infinite != 0) return failure(Fault::kCorrupt, "bf16: a value is not finite");
    return {};
  }
  int64_t block_bytes_max(int64_t count) const override { return 2 * count; }
};

}  // namespace

extern const Entry<Codec> codecs_bf16;
const Entry<Codec> codecs_bf16 = entry<Codec, Bf16>("bf16", "2 bytes a value, 8 bits of precision");

}  // namespace causeway
