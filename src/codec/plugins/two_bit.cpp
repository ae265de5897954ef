// SPDX-License-Identifier: Apache-2.0
//
// Two bits per value and one scale for each run of `chunk` values (SparseLoCo, arXiv:2508.15706):
//   scale = max |value|, decoded value = sign * scale where |value| >= 2/3 scale, else
//   sign * scale / 3.
// There is no level for 0: beside a larger value, 0 becomes scale / 3. After a selector that sends
// no zeros, as top-k, that does not matter. After one that looks at chunks, what it sends of a
// chunk is a run, and `chunk` is not used. The codes are 0 for scale / 3, 1 for scale, and 2 more
// for what is negative. The layout: level_codec.h.
#include "codec/level_codec.h"

namespace causeway {
namespace {

struct TwoBit {
  static constexpr std::string_view kName = "two_bit";
  static constexpr int kBits = 2;
  static constexpr float kScaleMin = 0x1p-120f;
  static constexpr uint32_t kCodes = 0xf;
  struct Options {
    int64_t chunk = 4096;
    template <class Visit>
    void each(Visit&& visit) {
      visit("chunk", chunk, Range<int64_t>{1, kBlockValues}, "values",
            "Values that share one scale.");
    }
    int64_t run() const { return chunk; }
  };

  static float scale(std::span<const float>, float largest) { return largest; }

  static void code(std::span<const float> run, float scale, uint8_t* __restrict codes) {
    // The least float that reaches 2/3 scale: in doubles three times a float is exact.
    float edge = scale / 3 * 2;
    while (double{edge} * 3 < double{scale} * 2)
      edge = std::bit_cast<float>(std::bit_cast<int32_t>(edge) + 1);
    while (double{std::bit_cast<float>(std::bit_cast<int32_t>(edge) - 1)} * 3 >= double{scale} * 2)
      edge = std::bit_cast<float>(std::bit_cast<int32_t>(edge) - 1);
    const auto edge_bits = std::bit_cast<int32_t>(edge);
    const float* __restrict values = run.data();
    for (size_t i = 0; i < run.size(); ++i) {
      const auto bits = std::bit_cast<int32_t>(values[i]);
      codes[i] =
          static_cast<uint8_t>(((bits & 0x7fffffff) >= edge_bits ? 1 : 0) | (bits < 0 ? 2 : 0));
    }
  }

  static float level(uint32_t code, float scale) {
    const float level = (code & 1) != 0 ? scale : scale / 3;
    return code >= 2 ? -level : level;
  }
};

}  // namespace

extern const Entry<Codec> codecs_two_bit;
const Entry<Codec> codecs_two_bit = entry<Codec, LevelCodec<TwoBit>>(
    "two_bit", "2 bits per value: sign, and a third or all of a float32 scale per 4,096");

}  // namespace causeway
