// SPDX-License-Identifier: Apache-2.0
//
// The values as they are: 4 little-endian bytes each.
#include <algorithm>

#include "codec/codec.h"
#include "codec/finite.h"
#include "core/simd.h"

namespace causeway {
namespace {

// The largest magnitude of all: values are checked as they are copied.
int32_t copy_all(const std::byte* __restrict bytes, size_t size, float* __restrict out) {
  int32_t most = 0;
  for (size_t i = 0; i < size; ++i) {
    int32_t bits;
    std::memcpy(&bits, bytes + 4 * i, sizeof(bits));
    most = std::max(most, bits & 0x7fffffff);
    out[i] = std::bit_cast<float>(bits);
  }
  return most;
}

class Fp32 final : public Codec {
 public:
  using Options = NoOptions;
  explicit Fp32(const Options&) {}

  bool joins() const override { return true; }

  void encode(std::span<const float> block, const Coding&, Bytes& bytes) const override {
    check_block(block);
    const ByteSpan raw = std::as_bytes(block);
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    CW_TRY(want_bytes("fp32", bytes, block.size_bytes()));
    int32_t most = 0;
    with_simd([&] { most = copy_all(bytes.data(), block.size(), block.data()); });
    if (static_cast<uint32_t>(most) >= kInfinityBits)
      return failure(Fault::kCorrupt, "fp32: a value is NaN or infinite");
    return {};
  }

  int64_t block_bytes_max(int64_t count) const override { return 4 * count; }
};

}  // namespace

extern const Entry<Codec> codecs_fp32;
const Entry<Codec> codecs_fp32 = entry<Codec, Fp32>("fp32", "4 bytes per value, exact");

}  // namespace causeway
