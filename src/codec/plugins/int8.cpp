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
//
// Stochastic rounding is code = floor(value / scale + u), u uniform in [0, 1) in steps of 2^-32:
// its expectation is value / scale, but for that step and where 127 or -127 would be passed.
#include <algorithm>
#include <cmath>

#include "codec/codec.h"
#include "codec/draws.h"
#include "codec/finite.h"
#include "codec/rounding.h"
#include "codec/runs.h"
#include "core/simd.h"

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
  const uint32_t most = absmax_bits(run);
  check_finite(most);
  const float scale = std::bit_cast<float>(most) / kCodeMax;
  if (scale < std::numeric_limits<float>::min()) return 0;
  return std::min(scale, kScaleMax);
}

// round half to even(value / scale), exactly, by products. The quotient is in [-127.0001, 127.0001]
// and, with 24-bit significands, either lies on a tie h + 1/2 or at least 2^-26 from it.
//
// In float, value * (1 / scale) errs by less than 2^-15, so the nearest integer is right unless the
// product is as near to a tie; adding 1.5 * 2^23 leaves no bits for a fraction, rounds to it, and
// puts it into the low bits of the sum. False if some value is too near: the codes are then of no
// use.
bool quantise_fast(const float* __restrict run, size_t size, float inverse,
                   std::byte* __restrict out) {
  constexpr float kToIntegers = 0x1.8p23f;
  int32_t farthest = 0;  // as bits: comparing floats would keep compilers from vectors
  for (size_t i = 0; i < size; ++i) {
    const float quotient = run[i] * inverse;
    const float shifted = quotient + kToIntegers;
    out[i] = static_cast<std::byte>(std::bit_cast<int32_t>(shifted));
    const float rest = quotient - (shifted - kToIntegers);
    farthest = std::max(farthest, std::bit_cast<int32_t>(rest) & 0x7fffffff);
  }
  return farthest < std::bit_cast<int32_t>(0.5f - 0x1p-15f);
}

// In double the product errs by less than 2^-44. Rounding it to a multiple of 2^-30 first puts a
// quotient on its tie, exactly if it is one, and moves none across.
void quantise_exact(const float* __restrict run, size_t size, double inverse,
                    std::byte* __restrict out) {
  constexpr double kToTies = 0x1.8p22, kToIntegers = 0x1.8p52;
  for (size_t i = 0; i < size; ++i) {
    const double quotient = (double{run[i]} * inverse + kToTies) - kToTies;
    out[i] = static_cast<std::byte>(std::bit_cast<int64_t>(quotient + kToIntegers));
  }
}

// `drawn` has 32 random bits for each value. The quotient is above -128: adding 128 makes cutting
// off its fraction a floor.
void quantise_by_chance(const float* __restrict run, const uint32_t* __restrict drawn, size_t size,
                        double inverse, std::byte* __restrict out) {
  for (size_t i = 0; i < size; ++i) {
    const double chance = static_cast<double>(drawn[i]) * 0x1p-32;
    const auto code = static_cast<int32_t>(double{run[i]} * inverse + chance + 128) - 128;
    out[i] = static_cast<std::byte>(std::clamp(code, -127, 127));
  }
}

// Of random values one chunk in a hundred is done twice.
constexpr size_t kChunk = 256;

// `ahead` values on lies the next run: it comes from memory while this one is computed.
void quantise(std::span<const float> run, size_t ahead, float scale, std::byte* out) {
  const double inverse = 1 / double{scale};
  const auto fast_inverse = static_cast<float>(inverse);
  for (size_t start = 0; start < run.size(); start += kChunk) {
    const size_t size = std::min(kChunk, run.size() - start);
    const float* in = run.data() + start;
    for (size_t i = 0; i < size; i += 16) __builtin_prefetch(in + i + ahead);
    if (!quantise_fast(in, size, fast_inverse, out + start))
      quantise_exact(in, size, inverse, out + start);
  }
}

// The least code; -128, which no encoder writes, is for the caller to refuse.
int8_t dequantise(const std::byte* __restrict codes, float scale, size_t size,
                  float* __restrict run) {
  int8_t least = 0;
  for (size_t i = 0; i < size; ++i) {
    const auto code = static_cast<int8_t>(codes[i]);
    least = std::min(least, code);
    run[i] = static_cast<float>(code) * scale;
  }
  return least;
}

class Int8 final : public Codec {
 public:
  struct Options {
    int64_t block = 4096;
    Rounding rounding = Rounding::kNearest;
    template <class Visit>
    void each(Visit&& visit) {
      visit("block", block, Range<int64_t>{1, kBlockValues}, "values",
            "Values that share one scale.");
      visit_rounding(visit, rounding);
    }
  };
  explicit Int8(const Options& options) : runs_(options.block), rounding_(options.rounding) {}

  int64_t block_values() const override { return runs_.block_values(); }

  void encode(std::span<const float> block, const Coding& coding, Bytes& bytes) const override {
    check_block_size(block);
    std::array<uint32_t, kBlockValues> drawn;
    if (rounding_ == Rounding::kStochastic)
      rounding_bits(coding.seed, coding.begin, std::span(drawn).first(block.size()));
    const size_t runs = runs_.count(block.size());
    const size_t start = bytes.size();
    bytes.resize(start + 4 * runs + block.size());
    std::byte* scales = bytes.data() + start;
    std::byte* codes = scales + 4 * runs;
    for (size_t i = 0; i < runs; ++i) {
      const auto run = runs_.part(block, i);
      const size_t ahead = i + 1 < runs ? run.size() : 0;
      const float scale = scale_of(run);
      std::memcpy(scales + 4 * i, &scale, sizeof(scale));
      if (scale == 0) continue;
      const size_t at = i * runs_.length();
      with_simd([&] {
        if (rounding_ == Rounding::kNearest)
          quantise(run, ahead, scale, codes + at);
        else
          quantise_by_chance(run.data(), drawn.data() + at, run.size(), 1 / double{scale},
                             codes + at);
      });
    }
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    const size_t runs = runs_.count(block.size());
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
      const auto run = runs_.part(block, i);
      int8_t least = 0;
      with_simd(
          [&] { least = dequantise(codes + i * runs_.length(), scale, run.size(), run.data()); });
      if (least < -127)
        return failure(Fault::kCorrupt, "int8: run {} has code -128; wanted: -127 to 127", i);
    }
    return {};
  }

  int64_t head_bytes(int64_t count) const override {
    return 4 * static_cast<int64_t>(runs_.count(static_cast<size_t>(count)));
  }
  int64_t block_bytes_max(int64_t count) const override {
    return 4 * static_cast<int64_t>(runs_.count(static_cast<size_t>(count))) + count;
  }

 private:
  Runs runs_;
  Rounding rounding_;
};

}  // namespace

extern const Entry<Codec> codecs_int8;
const Entry<Codec> codecs_int8 =
    entry<Codec, Int8>("int8", "1 byte per value and a float32 scale per 4,096");

}  // namespace causeway
