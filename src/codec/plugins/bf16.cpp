// SPDX-License-Identifier: Apache-2.0
//
// The upper half of a float32, rounded to nearest even: 2 little-endian bytes each, relative error
// at most 2^-8. What would round to infinity becomes the largest bfloat16, within the same bound.
//
// Stochastic rounding adds 16 random bits to the lower half before that is cut off: the upper half
// grows by one with a probability of the lower half / 2^16, so that the expectation is the value,
// exactly, but beyond the largest bfloat16.
#include <algorithm>

#include "codec/codec.h"
#include "codec/draws.h"
#include "codec/finite.h"
#include "codec/rounding.h"
#include "core/simd.h"

namespace causeway {
namespace {

// The largest magnitude that does not round to infinity.
constexpr int32_t kLargest = 0x7f7f7fff;

// Rounds all and returns the largest magnitude, so that values are checked in the same pass.
int32_t round_all(const float* __restrict values, size_t size, std::byte* __restrict out) {
  int32_t most = 0;
  for (size_t i = 0; i < size; ++i) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    most = std::max(most, static_cast<int32_t>(bits & 0x7fffffff));
    const auto upper = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    std::memcpy(out + 2 * i, &upper, sizeof(upper));
  }
  return most;
}

// Where some value would round to infinity.
void round_all_within(std::span<const float> values, std::byte* out) {
  constexpr float kMost = std::bit_cast<float>(kLargest);
  for (const float value : values) {
    const float within = std::clamp(value, -kMost, kMost);
    round_all(&within, 1, out);
    out += 2;
  }
}

// `drawn` has 32 random bits for each value.
int32_t round_by_chance(const float* __restrict values, const uint32_t* __restrict drawn,
                        size_t size, std::byte* __restrict out) {
  constexpr int32_t kWhole = 0x7f7f0000;
  int32_t most = 0;
  for (size_t i = 0; i < size; ++i) {
    const auto bits = std::bit_cast<int32_t>(values[i]);
    const int32_t magnitude = bits & 0x7fffffff;
    most = std::max(most, magnitude);
    const int32_t within = std::min(magnitude, kWhole);
    const auto rounded = static_cast<uint32_t>(within) + (drawn[i] >> 16);
    const auto upper =
        static_cast<uint16_t>((rounded >> 16) | (static_cast<uint32_t>(bits) >> 16 & 0x8000));
    std::memcpy(out + 2 * i, &upper, sizeof(upper));
  }
  return most;
}

// The largest magnitude in the upper halves.
int32_t widen_all(const std::byte* __restrict bytes, size_t size, float* __restrict out) {
  int32_t most = 0;
  for (size_t i = 0; i < size; ++i) {
    uint16_t upper;
    std::memcpy(&upper, bytes + 2 * i, sizeof(upper));
    most = std::max(most, static_cast<int32_t>(upper) & 0x7fff);
    out[i] = std::bit_cast<float>(static_cast<uint32_t>(upper) << 16);
  }
  return most;
}

class Bf16Codec final : public Codec {
 public:
  struct Options {
    Rounding rounding = Rounding::kNearest;
    template <class Visit>
    void each(Visit&& visit) {
      visit_rounding(visit, rounding);
    }
  };
  explicit Bf16Codec(const Options& options) : rounding_(options.rounding) {}

  bool joins() const override { return true; }

  void encode(std::span<const float> block, const Coding& coding, Bytes& bytes) const override {
    check_block_size(block);
    const size_t start = bytes.size();
    bytes.resize(start + 2 * block.size());
    int32_t most = 0;
    if (rounding_ == Rounding::kStochastic) {
      std::array<uint32_t, kBlockValues> drawn;
      rounding_bits(coding.seed, coding.begin, std::span(drawn).first(block.size()));
      with_simd([&] {
        most = round_by_chance(block.data(), drawn.data(), block.size(), bytes.data() + start);
      });
      return check_finite(static_cast<uint32_t>(most));
    }
    with_simd([&] { most = round_all(block.data(), block.size(), bytes.data() + start); });
    check_finite(static_cast<uint32_t>(most));
    if (most > kLargest) round_all_within(block, bytes.data() + start);
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    CW_TRY(want_bytes("bf16", bytes, 2 * block.size()));
    int32_t most = 0;
    with_simd([&] { most = widen_all(bytes.data(), block.size(), block.data()); });
    if (most >= 0x7f80) return failure(Fault::kCorrupt, "bf16: a value is NaN or infinite");
    return {};
  }

  int64_t block_bytes_max(int64_t count) const override { return 2 * count; }

 private:
  Rounding rounding_;
};

}  // namespace

extern const Entry<Codec> codecs_bf16;
const Entry<Codec> codecs_bf16 =
    entry<Codec, Bf16Codec>("bf16", "2 bytes per value, rounded to nearest even or by chance");

}  // namespace causeway
