// SPDX-License-Identifier: Apache-2.0
//
// One bit per value and one scale for each run of `block` values (Karimireddy and others, "Error
// Feedback Fixes SignSGD", arXiv:1901.09847, scaled sign):
//   scale = mean |value|, decoded value = scale where value >= 0, else -scale.
// So 0, of either sign, becomes scale, unless its run has nothing else. Code 1 is negative. The
// layout: level_codec.h.
#include "codec/level_codec.h"

namespace causeway {
namespace {

struct Sign {
  static constexpr std::string_view kName = "sign";
  static constexpr int kBits = 1;
  static constexpr float kScaleMin = std::numeric_limits<float>::min();
  static constexpr uint32_t kCodes = 3;
  struct Options {
    int64_t block = 4096;
    template <class Visit>
    void each(Visit&& visit) {
      visit("block", block, Range<int64_t>{1, kBlockValues}, "values",
            "Values that share one scale.");
    }
    int64_t run() const { return block; }
  };

  // Sixteen sums in doubles, so that they vectorise and no order is left to the compiler.
  static float scale(std::span<const float> run, float) {
    constexpr size_t kSums = 16;
    std::array<double, kSums> sums{};
    size_t i = 0;
    for (; i + kSums <= run.size(); i += kSums)
      for (size_t j = 0; j < kSums; ++j)
        sums[j] += std::bit_cast<float>(std::bit_cast<uint32_t>(run[i + j]) & 0x7fffffff);
    double sum = 0;
    for (; i < run.size(); ++i)
      sum += std::bit_cast<float>(std::bit_cast<uint32_t>(run[i]) & 0x7fffffff);
    for (const double part : sums) sum += part;
    return static_cast<float>(sum / static_cast<double>(run.size()));
  }

  static void code(std::span<const float> run, float, uint8_t* __restrict codes) {
    const float* __restrict values = run.data();
    for (size_t i = 0; i < run.size(); ++i) codes[i] = values[i] < 0 ? 1 : 0;
  }

  static float level(uint32_t code, float scale) { return code == 0 ? scale : -scale; }
};

}  // namespace

extern const Entry<Codec> codecs_sign;
const Entry<Codec> codecs_sign = entry<Codec, LevelCodec<Sign>>(
    "sign", "1 bit per value and the mean magnitude, a float32 scale per 4,096");

}  // namespace causeway
