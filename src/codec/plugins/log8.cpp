// SPDX-License-Identifier: Apache-2.0
//
// One byte per value, without a scale: sign, and the magnitude's place between powers of two in
// quarters. Code 0 is zero; code c = 1 ... 127 stands for (1 + f / 4) 2^e with c - 1 = 4 (e + 24) +
// f, from 2^-24 to 1.5 * 2^7. The next one towards zero is taken, so that a value never grows; what
// is above the largest becomes that. Relative error below 1/5. For numbers that stand alone, as a
// loss's slope (Zelikman and others, arXiv:2306.09479, send one byte).
#include <algorithm>
#include <array>
#include <cmath>

#include "codec/codec.h"
#include "codec/finite.h"

namespace causeway {
namespace {

constexpr size_t kCodes = 128;

/// Magnitudes by code, exact.
constexpr std::array<float, kCodes> kMagnitudes = [] {
  std::array<float, kCodes> out{};
  float power = 0x1p-24F;
  for (size_t code = 1; code < kCodes; ++code) {
    const auto quarter = static_cast<float>((code - 1) % 4);
    out[code] = (1 + quarter / 4) * power;
    if ((code - 1) % 4 == 3) power *= 2;
  }
  return out;
}();

std::byte code_of(float value) {
  const float magnitude = std::abs(value);
  const auto above = std::ranges::upper_bound(kMagnitudes, magnitude);
  const auto code = static_cast<size_t>(above - kMagnitudes.begin()) - 1;
  const bool negative = code > 0 && value < 0;
  return static_cast<std::byte>(code | (negative ? kCodes : 0));
}

class Log8 final : public Codec {
 public:
  using Options = NoOptions;
  explicit Log8(const Options&) {}

  void encode(std::span<const float> block, const Coding&, Bytes& bytes) const override {
    check_block(block);
    for (const float value : block) bytes.push_back(code_of(value));
  }
  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    CW_TRY(want_bytes("log8", bytes, block.size()));
    for (size_t i = 0; i < block.size(); ++i) {
      const auto code = static_cast<size_t>(bytes[i]);
      if (code == kCodes) return failure(Fault::kCorrupt, "log8: value {} is a negative zero", i);
      const float magnitude = kMagnitudes[code % kCodes];
      block[i] = code > kCodes ? -magnitude : magnitude;
    }
    return {};
  }
  int64_t block_bytes_max(int64_t count) const override { return count; }
};

}  // namespace

extern const Entry<Codec> codecs_log8;
const Entry<Codec> codecs_log8 =
    entry<Codec, Log8>("log8", "1 byte per value, quarters between powers of two; no scale");

}  // namespace causeway
