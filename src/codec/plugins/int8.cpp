// SPDX-License-Identifier: Apache-2.0
//
// Eight bits per value and one scale per run of `block` values:
//   scale = float32(max |value| / 127), code = round half to even(value / scale) in [-127, 127],
//   decoded value = code * scale.
// The encoding of n values is ceil(n / block) float32 scales, then n signed bytes. Runs tile the
// whole signal: a block of it is a multiple of `block`.
//
// Two departures, at the ends of float32. A scale below the smallest normal float is written as 0,
// and its run decodes to zeros: subnormals are lost on machines that flush them, and replicas must
// not differ. A scale whose 127-fold overflows is one ulp smaller. So the error is at most scale /
// 2 (and the rounding of code * scale), or max |value| < 2^-119 where the scale is 0.
#include <algorithm>
#include <cmath>

#include "codec/codec.h"
#include "codec/finite.h"

namespace causeway {
namespace {

constexpr float kCodeMax = 127;

// The largest scale for which 127 * scale is finite.
constexpr float kScaleMax = [] {
  float scale = std::numeric_limits<float>::max() / kCodeMax;
  // Doubles hold 127 * scale exactly.
  if (double{scale} * 127 > double{std::numeric_limits<float>::max()})
    scale = std::bit_cast<float>(std::bit_cast<uint32_t>(scale) - 1);
  return scale;
}();

float scale_of(std::span<const float> run) {
  const float scale = std::bit_cast<float>(absmax_bits(run)) / kCodeMax;
  if (scale < std::numeric_limits<float>::min()) return 0;
  return std::min(scale, kScaleMax);
}

// Nearest integer, half to even, of |value| <= 2^51: adding 1.5 * 2^52 leaves no bits for a
// fraction, and the integer stands in the low bits of the sum. In double, as a quotient of two
// floats that were rounded to float first could become a tie that it is not.
void quantise(std::span<const float> run, float scale, std::byte* out) {
  constexpr double kMagic = 0x1.8p52;
  const double divisor = scale;
  for (size_t i = 0; i < run.size(); ++i) {
    const double shifted = static_cast<double>(run[i]) / divisor + kMagic;
    const auto code = static_cast<int32_t>(std::bit_cast<int64_t>(shifted));
    out[i] = static_cast<std::byte>(std::clamp(code, -127, 127));
  }
}

// False if a code is -128, which no encoder writes.
bool dequantise(const std::byte* codes, float scale, std::span<float> run) {
  int8_t least = 0;
  for (size_t i = 0; i < run.size(); ++i) {
    const auto code = static_cast<int8_t>(codes[i]);
    least = std::min(least, code);
    run[i] = static_cast<float>(code) * scale;
  }
  return least > -128;
}

class Int8 final : public Codec {
 public:
  struct Options {
    int64_t block = 4096;
    template <class Visit>
    void each(Visit&& visit) {
      visit("block", block, Range<int64_t>{1, kBlockValues}, "values",
            "Values that share one scale.");
    }
  };
  explicit Int8(const Options& options) : run_(static_cast<size_t>(options.block)) {}

  int64_t block_values() const override {
    const auto run = static_cast<int64_t>(run_);
    return kBlockValues / run * run;
  }

  void encode(std::span<const float> block, uint64_t, Bytes& bytes) const override {
    check_block(block);
    const size_t runs = run_count(block.size());
    const size_t start = bytes.size();
    bytes.resize(start + 4 * runs + block.size());
    std::byte* scales = bytes.data() + start;
    std::byte* codes = scales + 4 * runs;
    for (size_t i = 0; i < runs; ++i) {
      const auto run = part(block, i);
      const float scale = scale_of(run);
      std::memcpy(scales + 4 * i, &scale, sizeof(scale));
      if (scale > 0) quantise(run, scale, codes + i * run_);
    }
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    const size_t runs = run_count(block.size());
    CW_TRY(want_bytes("int8", bytes, 4 * runs + block.size()));
    const std::byte* codes = bytes.data() + 4 * runs;
    for (size_t i = 0; i < runs; ++i) {
      float scale;
      std::memcpy(&scale, bytes.data() + 4 * i, sizeof(scale));
      // A comparison that NaN fails. Zero has one form only, so that a signal has one encoding.
      const bool zero = std::bit_cast<uint32_t>(scale) == 0;
      if (!zero && !(scale >= std::numeric_limits<float>::min() && scale <= kScaleMax))
        return failure(Fault::kCorrupt, "int8: run {} has scale {}; wanted: 0, or {} to {}", i,
                       scale, std::numeric_limits<float>::min(), kScaleMax);
      if (!dequantise(codes + i * run_, scale, part(block, i)))
        return failure(Fault::kCorrupt, "int8: run {} has code -128; wanted: -127 to 127", i);
    }
    return {};
  }

  int64_t block_bytes_max(int64_t count) const override {
    return 4 * static_cast<int64_t>(run_count(static_cast<size_t>(count))) + count;
  }

 private:
  size_t run_count(size_t count) const { return (count + run_ - 1) / run_; }
  template <class T>
  std::span<T> part(std::span<T> block, size_t index) const {
    const size_t start = index * run_;
    return block.subspan(start, std::min(run_, block.size() - start));
  }

  size_t run_;
};

}  // namespace

extern const Entry<Codec> codecs_int8;
const Entry<Codec> codecs_int8 =
    entry<Codec, Int8>("int8", "1 byte per value and a float32 scale per 4,096");

}  // namespace causeway
