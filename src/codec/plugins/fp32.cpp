// SPDX-License-Identifier: Apache-2.0
//
// The values as they are: 4 little-endian bytes each.
#include "codec/codec.h"
#include "codec/finite.h"

namespace causeway {
namespace {

class Fp32 final : public Codec {
 public:
  using Options = NoOptions;
  explicit Fp32(const Options&) {}

  void encode(std::span<const float> block, uint64_t, Bytes& bytes) const override {
    check_block(block);
    const ByteSpan raw = std::as_bytes(block);
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    CW_TRY(want_bytes("fp32", bytes, block.size_bytes()));
    if (!bytes.empty()) std::memcpy(block.data(), bytes.data(), bytes.size());
    if (!all_finite(block)) return failure(Fault::kCorrupt, "fp32: a value is NaN or infinite");
    return {};
  }

  int64_t block_bytes_max(int64_t count) const override { return 4 * count; }
};

}  // namespace

extern const Entry<Codec> codecs_fp32;
const Entry<Codec> codecs_fp32 = entry<Codec, Fp32>("fp32", "4 bytes per value, exact");

}  // namespace causeway
