// SPDX-License-Identifier: Apache-2.0
// The values as they are: 4 bytes each, little-endian.
#include <cmath>
#include <cstring>

#include "codec/codec.h"

namespace causeway {
namespace {

class Fp32 final : public Codec {
 public:
  using Options = NoOptions;
  explicit Fp32(const Options&) {}

  void encode(std::span<const float> block, uint64_t, Bytes& bytes) const override {
    const auto raw = std::as_bytes(block);
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }
  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    if (bytes.size() != block.size_bytes())
      return failure(Fault::kCorrupt, "fp32: {} bytes for {} values", bytes.size(), block.size());
    std::memcpy(block.data(), bytes.data(), bytes.size());
    bool finite = true;
    for (const float value : block) finite &= std::isfinite(value);
    if (!finite) return failure(Fault::kCorrupt, "fp32: a value is not finite");
    return {};
  }
  int64_t block_bytes_max(int64_t count) const override { return 4 * count; }
};

}  // namespace

extern const Entry<Codec> codecs_fp32;
const Entry<Codec> codecs_fp32 = entry<Codec, Fp32>("fp32", "4 bytes a value, exact");

}  // namespace causeway
