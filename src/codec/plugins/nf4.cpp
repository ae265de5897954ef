// SPDX-License-Identifier: Apache-2.0
//
// NormalFloat, 4 bits per value and one scale per run of `block` values (Dettmers and others,
// "QLoRA", arXiv:2305.14314, section 3 and appendix E):
//   scale = max |value|, code = the level nearest to value / scale, decoded value = level * scale.
// The 16 levels are quantiles of the normal distribution: of probabilities evenly spaced from 1/2
// to p, seven below zero and eight above, divided by the largest; p = 1 - (1/32 + 1/30) / 2 with
// the digits of the authors' code, 0.9677083.
// Half way between two levels the lower one is taken, and half way is exact.
//
// The encoding of n values is ceil(n / block) float32 scales, then ceil(n / 2) bytes: the first of
// two codes in the low half; after an odd last value the high half is 0. Runs tile the whole
// signal: a block of it is a multiple of `block`. A scale below 2^-121 is written as 0 and its run
// decodes to zeros, so that neither levels nor the edges between them are subnormal.
#include <algorithm>
#include <array>
#include <cmath>

#include "codec/codec.h"
#include "codec/finite.h"
#include "codec/runs.h"
#include "core/simd.h"

namespace causeway {
namespace {

constexpr std::array<float, 16> kLevels = {
    -1.0f,          -0.6961928906f, -0.5250730387f, -0.3949174907f,
    -0.2844413576f, -0.1847734352f, -0.0910499921f, 0.0f,
    0.0795803291f,  0.1609301727f,  0.2461122939f,  0.3379151935f,
    0.4407098024f,  0.5626169701f,  0.7229567279f,  1.0f};
constexpr uint8_t kZero = 7;
constexpr float kScaleMin = 0x1p-121f;

// Half way between levels, and one more that nothing reaches: 16 fill vectors. Exact, as levels are
// multiples of 2^-27; with 28 bits their products with a float are exact as well.
constexpr std::array<double, 16> kMiddles = [] {
  std::array<double, 16> middles{};
  for (size_t i = 0; i < 15; ++i) middles[i] = (double{kLevels[i]} + double{kLevels[i + 1]}) / 2;
  middles[15] = 1;
  return middles;
}();
// What leads from a float to the one below it, in bits.
constexpr std::array<int32_t, 16> kDown = [] {
  std::array<int32_t, 16> down{};
  for (size_t i = 0; i < 16; ++i) down[i] = kMiddles[i] > 0 ? -1 : 1;
  return down;
}();

// The largest floats at or below the middles times `scale`: a float is above the middle if it is
// above that.
void make_edges(float scale, float* __restrict edges) {
  for (size_t i = 0; i < 16; ++i) {
    const double middle = kMiddles[i] * double{scale};
    const auto near = static_cast<float>(middle);
    const int32_t step = double{near} > middle ? kDown[i] : 0;
    edges[i] = std::bit_cast<float>(std::bit_cast<int32_t>(near) + step);
  }
}

void code_run(const float* __restrict run, size_t size, const float* __restrict edges,
              uint8_t* __restrict codes) {
  for (size_t i = 0; i < size; ++i) {
    int32_t code = 0;
    for (size_t edge = 0; edge < 15; ++edge) code += run[i] > edges[edge] ? 1 : 0;
    codes[i] = static_cast<uint8_t>(code);
  }
}

void pack(const uint8_t* __restrict codes, size_t pairs, std::byte* __restrict out) {
  for (size_t i = 0; i < pairs; ++i)
    out[i] = static_cast<std::byte>(codes[2 * i] | (codes[2 * i + 1] << 4));
}

void unpack(const std::byte* __restrict bytes, size_t pairs, uint8_t* __restrict codes) {
  for (size_t i = 0; i < pairs; ++i) {
    codes[2 * i] = static_cast<uint8_t>(bytes[i]) & 15;
    codes[2 * i + 1] = static_cast<uint8_t>(bytes[i]) >> 4;
  }
}

class Nf4 final : public Codec {
 public:
  struct Options {
    int64_t block = 64;
    template <class Visit>
    void each(Visit&& visit) {
      visit("block", block, Range<int64_t>{1, kBlockValues}, "values",
            "Values that share one scale.");
    }
  };
  explicit Nf4(const Options& options) : runs_(options.block) {}

  int64_t block_values() const override { return runs_.block_values(); }

  void encode(std::span<const float> block, const Coding&, Bytes& bytes) const override {
    check_block_size(block);
    const size_t runs = runs_.count(block.size()), pairs = (block.size() + 1) / 2;
    const size_t start = bytes.size();
    bytes.resize(start + 4 * runs + pairs);
    std::byte* out = bytes.data() + start;
    std::array<uint8_t, kBlockValues> codes;
    uint32_t most = 0;
    with_simd([&] { most = code_all(block, out, codes.data()); });
    check_finite(most);
    if (block.size() % 2 != 0) codes[block.size()] = 0;
    with_simd([&] { pack(codes.data(), pairs, out + 4 * runs); });
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    const size_t runs = runs_.count(block.size()), pairs = (block.size() + 1) / 2;
    CW_CHECK(std::ssize(block) <= kBlockValues, "a block of {} values", block.size());
    CW_TRY(want_bytes("nf4", bytes, 4 * runs + pairs));
    std::array<uint8_t, kBlockValues> codes;
    with_simd([&] { unpack(bytes.data() + 4 * runs, pairs, codes.data()); });
    if (block.size() % 2 != 0 && codes[block.size()] != 0)
      return failure(Fault::kCorrupt, "nf4: the last half byte is {}; wanted: 0",
                     codes[block.size()]);
    for (size_t i = 0; i < runs; ++i) {
      float scale;
      std::memcpy(&scale, bytes.data() + 4 * i, sizeof(scale));
      // A comparison that NaN fails. Zero has one form only.
      const bool zero = std::bit_cast<uint32_t>(scale) == 0;
      if (!zero && !(scale >= kScaleMin && scale <= std::numeric_limits<float>::max()))
        return failure(Fault::kCorrupt, "nf4: run {} has scale {}; wanted: 0, or {} or more", i,
                       scale, kScaleMin);
      std::array<float, 16> levels;
      for (size_t code = 0; code < 16; ++code) levels[code] = kLevels[code] * scale;
      const auto run = runs_.part(block, i);
      const uint8_t* from = codes.data() + i * runs_.length();
      for (size_t j = 0; j < run.size(); ++j) run[j] = levels[from[j]];
    }
    return {};
  }

  int64_t head_bytes(int64_t count) const override {
    return 4 * static_cast<int64_t>(runs_.count(static_cast<size_t>(count)));
  }
  int64_t block_bytes_max(int64_t count) const override {
    return 4 * static_cast<int64_t>(runs_.count(static_cast<size_t>(count))) + (count + 1) / 2;
  }

 private:
  // Returns the largest magnitude of all, as bits.
  uint32_t code_all(std::span<const float> block, std::byte* scales, uint8_t* codes) const {
    int32_t most = 0;
    for (size_t i = 0; i * runs_.length() < block.size(); ++i) {
      const auto run = runs_.part(block, i);
      int32_t bits = 0;
      for (const float value : run)
        bits = std::max(bits, std::bit_cast<int32_t>(value) & 0x7fffffff);
      most = std::max(most, bits);
      const auto largest = std::bit_cast<float>(bits);
      const float scale = largest >= kScaleMin ? largest : 0.0f;
      std::memcpy(scales + 4 * i, &scale, sizeof(scale));
      if (scale > 0) {
        std::array<float, 16> edges;
        make_edges(scale, edges.data());
        code_run(run.data(), run.size(), edges.data(), codes + i * runs_.length());
      } else {
        std::fill_n(codes + i * runs_.length(), run.size(), kZero);
      }
    }
    return static_cast<uint32_t>(most);
  }

  Runs runs_;
};

}  // namespace

extern const Entry<Codec> codecs_nf4;
const Entry<Codec> codecs_nf4 =
    entry<Codec, Nf4>("nf4", "4 bits per value, 16 levels of a normal, a float32 scale per 64");

}  // namespace causeway
