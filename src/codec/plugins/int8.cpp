// SPDX-License-Identifier: Apache-2.0
// Absmax quantisation by block: scale = absmax / 127 in float32, code = value / scale rounded half to
// even, value = code * scale. Per block 4 bytes of scale, then a byte for each value. Dettmers, "8-Bit
// Approximations for Parallelism in Deep Learning", 2016, in its linear form.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "codec/codec.h"

namespace causeway {
namespace {

float scale_of(std::span<const float> part) {
  float largest = 0;
  for (const float value : part) largest = std::max(largest, std::abs(value));
  // Rounded up, 127 * scale could pass the largest float.
  return std::min(largest / 127.0f, std::numeric_limits<float>::max() / 128.0f);
}

class Int8 final : public Codec {
 public:
  struct Options {
    int64_t block = 4096;

    template <class Visit>
    void each(Visit&& visit) {
      visit("block", block, Range<int64_t>{1, kBlockValues}, "values",
            "Values that share a scale, counted over the whole signal.");
    }
  };
  explicit Int8(const Options& options) : scaled_(options.block) {}

  int64_t block_values() const override { return kBlockValues / scaled_ * scaled_; }

  void encode(std::span<const float> block, uint64_t, Bytes& bytes) const override {
    for (size_t begin = 0; begin < block.size(); begin += step())
      encode_part(block.subspan(begin, std::min(step(), block.size() - begin)), bytes);
  }
  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    if (static_cast<int64_t>(bytes.size()) != block_bytes_max(static_cast<int64_t>(block.size())))
      return failure(Fault::kCorrupt, "int8: {} bytes for {} values", bytes.size(), block.size());
    for (size_t begin = 0; begin < block.size(); begin += step()) {
      const auto part = block.subspan(begin, std::min(step(), block.size() - begin));
      CW_TRY(decode_part(bytes.first(sizeof(float) + part.size()), part));
      bytes = bytes.subspan(sizeof(float) + part.size());
    }
    return {};
  }
  int64_t block_bytes_max(int64_t count) const override {
    return count + static_cast<int64_t>(sizeof(float)) * ((count + scaled_ - 1) / scaled_);
  }

 private:
  size_t step() const { return static_cast<size_t>(scaled_); }

  static void encode_part(std::span<const float> part, Bytes& bytes) {
    const float scale = scale_of(part);
    const size_t begin = bytes.size();
    bytes.resize(begin + sizeof(scale) + part.size());
    std::memcpy(bytes.data() + begin, &scale, sizeof(scale));
    std::byte* codes = bytes.data() + begin + sizeof(scale);
    if (scale == 0) return;  // The new bytes are zero: all values decode to zero.
    for (size_t i = 0; i < part.size(); ++i) {
      const float code = std::clamp(std::nearbyint(part[i] / scale), -127.0f, 127.0f);
      codes[i] = static_cast<std::byte>(static_cast<int8_t>(code));
    }
  }
  static Result<void> decode_part(ByteSpan bytes, std::span<float> part) {
    float scale;
    std::memcpy(&scale, bytes.data(), sizeof(scale));
    if (!(scale >= 0 && scale <= std::numeric_limits<float>::max() / 128.0f))
      return failure(Fault::kCorrupt, "int8: the scale {} is none", scale);
    const std::byte* codes = bytes.data() + sizeof(scale);
    int32_t lowest = 0;
    for (size_t i = 0; i < part.size(); ++i) {
      const auto code = static_cast<int8_t>(codes[i]);
      lowest = std::min<int32_t>(lowest, code);
      part[i] = static_cast<float>(code) * scale;
    }
    if (lowest < -127) return failure(Fault::kCorrupt, "int8: the code -128 is none");
    return {};
  }

  const int64_t scaled_;
};

}  // namespace

extern const Entry<Codec> codecs_int8;
const Entry<Codec> codecs_int8 = entry<Codec, Int8>("int8", "1 byte a value, a scale by block");

}  // namespace causeway
