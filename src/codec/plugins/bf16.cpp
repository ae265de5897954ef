// SPDX-License-Identifier: Apache-2.0
//
// The upper half of a float32, rounded to nearest even: 2 little-endian bytes each, relative error
// at most 2^-8. What would round to infinity becomes the largest bfloat16, within the same bound.
#include <algorithm>

#include "codec/codec.h"
#include "codec/finite.h"

namespace causeway {
namespace {

constexpr uint32_t kLargest = 0x7f7f;

uint16_t rounded(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffff;
  const uint32_t upper = (magnitude + 0x7fff + ((magnitude >> 16) & 1)) >> 16;
  // Both fit 16 bits with a sign to spare, so this is a signed minimum, which baselines have.
  const auto kept = std::min(static_cast<int32_t>(upper), static_cast<int32_t>(kLargest));
  return static_cast<uint16_t>(((bits >> 16) & 0x8000) | static_cast<uint32_t>(kept));
}

class Bf16 final : public Codec {
 public:
  using Options = NoOptions;
  explicit Bf16(const Options&) {}

  void encode(std::span<const float> block, uint64_t, Bytes& bytes) const override {
    check_block(block);
    const size_t start = bytes.size();
    bytes.resize(start + 2 * block.size());
    std::byte* out = bytes.data() + start;
    for (size_t i = 0; i < block.size(); ++i) {
      const uint16_t upper = rounded(block[i]);
      std::memcpy(out + 2 * i, &upper, sizeof(upper));
    }
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    CW_TRY(want_bytes("bf16", bytes, 2 * block.size()));
    for (size_t i = 0; i < block.size(); ++i) {
      uint16_t upper;
      std::memcpy(&upper, bytes.data() + 2 * i, sizeof(upper));
      block[i] = std::bit_cast<float>(static_cast<uint32_t>(upper) << 16);
    }
    if (!all_finite(block)) return failure(Fault::kCorrupt, "bf16: a value is NaN or infinite");
    return {};
  }

  int64_t block_bytes_max(int64_t count) const override { return 2 * count; }
};

}  // namespace

extern const Entry<Codec> codecs_bf16;
const Entry<Codec> codecs_bf16 =
    entry<Codec, Bf16>("bf16", "2 bytes per value, rounded to nearest even");

}  // namespace causeway
