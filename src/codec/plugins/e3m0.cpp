// SPDX-License-Identifier: Apache-2.0
//
// Four bits per value, a sign and three bits of exponent, and one scale for each run of `block`
// values (the 4-bit format of Streaming DiLoCo, arXiv:2501.18512, section 3.3):
//   scale = max |value|, decoded value = sign * the nearest of scale * {0, 2^-6, 2^-5, ..., 1}.
// Half way between two levels the larger one is taken, and half way is exact. Codes are 0 for 0, 1
// to 7 for 2^-6 to 1, and 8 more for what is negative. The layout: level_codec.h.
#include <array>

#include "codec/level_codec.h"

namespace causeway {
namespace {

struct E3m0 {
  static constexpr std::string_view kName = "e3m0";
  static constexpr int kBits = 4;
  static constexpr float kScaleMin = 0x1p-120f;
  static constexpr uint32_t kCodes = 0xfeff;  // no negative zero
  struct Options {
    int64_t block = 4096;
    template <class Visit>
    void each(Visit&& visit) {
      visit("block", block, Range<int64_t>{1, kBlockValues}, "values",
            "Values that share one scale.");
    }
    int64_t run() const { return block; }
  };

  static constexpr std::array<float, 8> kLevels = {0,       0x1p-6f, 0x1p-5f, 0x1p-4f,
                                                   0x1p-3f, 0x1p-2f, 0x1p-1f, 1};

  static float scale(std::span<const float>, float largest) { return largest; }

  static void code(std::span<const float> run, float scale, uint8_t* __restrict codes) {
    // The least bits of a magnitude that reach half way to each level. The middles are multiples
    // of a power of two by 1 or 3, so that a double holds their products.
    std::array<int32_t, 7> edges;
    for (size_t i = 0; i < 7; ++i) {
      const double middle = (double{kLevels[i]} + double{kLevels[i + 1]}) / 2 * double{scale};
      const auto near = static_cast<float>(middle);
      edges[i] = std::bit_cast<int32_t>(near) + (double{near} < middle ? 1 : 0);
    }
    const float* __restrict values = run.data();
    for (size_t i = 0; i < run.size(); ++i) {
      const auto bits = std::bit_cast<int32_t>(values[i]);
      int32_t level = 0;
      for (size_t edge = 0; edge < 7; ++edge) level += (bits & 0x7fffffff) >= edges[edge] ? 1 : 0;
      codes[i] = static_cast<uint8_t>(level | (bits < 0 && level > 0 ? 8 : 0));
    }
  }

  static float level(uint32_t code, float scale) {
    const float level = kLevels[code & 7] * scale;
    return code >= 8 ? -level : level;
  }
};

}  // namespace

extern const Entry<Codec> codecs_e3m0;
const Entry<Codec> codecs_e3m0 = entry<Codec, LevelCodec<E3m0>>(
    "e3m0", "4 bits per value, powers of two from 1/64 to 1, a float32 scale per 4,096");

}  // namespace causeway
