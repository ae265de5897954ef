// SPDX-License-Identifier: Apache-2.0
//
// IEEE half precision, rounded to nearest even: 2 little-endian bytes each. Relative error at most
// 2^-11 for |value| from 2^-14 to 65504; what is larger becomes 65504, what is below 2^-25 becomes
// 0.
//
// Stochastic rounding adds as many random bits as are cut off before that, so that the expectation
// is the value up to 65504: exactly from 2^-14 on, below within 2^-55.
#include <algorithm>
#include <cmath>

#include "codec/codec.h"
#include "codec/draws.h"
#include "codec/finite.h"
#include "codec/rounding.h"
#include "core/simd.h"

namespace causeway {
namespace {

constexpr float kHalfMax = 65504, kHalfNormal = 0x1p-14f;

// Below 2^-14 halves are evenly spaced by 2^-24. Both forms are computed, so that loops vectorise.
uint16_t half_from(uint32_t sign_bits, bool normal, uint32_t normal_bits, uint32_t small_code) {
  const uint32_t code = normal ? (normal_bits >> 13) - (112u << 10) : small_code;
  return static_cast<uint16_t>(((sign_bits >> 16) & 0x8000) | code);
}

uint16_t half_of(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto own = static_cast<uint32_t>(
      std::min(static_cast<int32_t>(bits & 0x7fffffff), std::bit_cast<int32_t>(kHalfMax)));
  const auto magnitude = std::bit_cast<float>(own);
  // Adding 0.5 leaves 2^-24 as the sum's last bit, so that the addition rounds, half to even.
  const auto small = std::bit_cast<uint32_t>(magnitude + 0.5f) - std::bit_cast<uint32_t>(0.5f);
  return half_from(bits, magnitude >= kHalfNormal, own + 0x0fff + ((own >> 13) & 1), small);
}

uint16_t half_by_chance(float value, uint32_t drawn) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto own = static_cast<uint32_t>(
      std::min(static_cast<int32_t>(bits & 0x7fffffff), std::bit_cast<int32_t>(kHalfMax)));
  const auto magnitude = std::bit_cast<float>(own);
  const double steps = double{std::min(magnitude, kHalfNormal)} * 0x1p24 +
                       static_cast<double>(static_cast<int32_t>(drawn >> 1)) * 0x1p-31;
  return half_from(bits, magnitude >= kHalfNormal, own + (drawn >> 19),
                   static_cast<uint32_t>(static_cast<int32_t>(steps)));
}

float float_of(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const int32_t code = half & 0x7fff;
  const auto normal = static_cast<uint32_t>(code + (112 << 10)) << 13;
  const auto small = std::bit_cast<uint32_t>(static_cast<float>(code) * 0x1p-24f);
  return std::bit_cast<float>(sign | (code < 0x0400 ? small : normal));
}

template <class Half>
void halves_of(size_t size, std::byte* __restrict out, const Half& half_at) {
  for (size_t i = 0; i < size; ++i) {
    const uint16_t half = half_at(i);
    std::memcpy(out + 2 * i, &half, sizeof(half));
  }
}

// The largest magnitude in the halves.
int32_t floats_of(const std::byte* __restrict bytes, size_t size, float* __restrict out) {
  int32_t most = 0;
  for (size_t i = 0; i < size; ++i) {
    uint16_t half;
    std::memcpy(&half, bytes + 2 * i, sizeof(half));
    most = std::max(most, int32_t{half} & 0x7fff);
    out[i] = float_of(half);
  }
  return most;
}

class Fp16 final : public Codec {
 public:
  struct Options {
    Rounding rounding = Rounding::kNearest;
    template <class Visit>
    void each(Visit&& visit) {
      visit_rounding(visit, rounding);
    }
  };
  explicit Fp16(const Options& options) : rounding_(options.rounding) {}

  bool joins() const override { return true; }

  void encode(std::span<const float> block, const Coding& coding, Bytes& bytes) const override {
    check_block(block);
    const size_t start = bytes.size();
    bytes.resize(start + 2 * block.size());
    std::byte* out = bytes.data() + start;
    std::array<uint32_t, kBlockValues> drawn;
    const bool by_chance = rounding_ == Rounding::kStochastic;
    if (by_chance) rounding_bits(coding.seed, coding.begin, std::span(drawn).first(block.size()));
    const float* values = block.data();
    with_simd([&] {
      if (by_chance)
        halves_of(block.size(), out, [&](size_t i) { return half_by_chance(values[i], drawn[i]); });
      else
        halves_of(block.size(), out, [&](size_t i) { return half_of(values[i]); });
    });
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    CW_TRY(want_bytes("fp16", bytes, 2 * block.size()));
    int32_t most = 0;
    with_simd([&] { most = floats_of(bytes.data(), block.size(), block.data()); });
    if (most >= 0x7c00) return failure(Fault::kCorrupt, "fp16: a value is NaN or infinite");
    return {};
  }

  int64_t block_bytes_max(int64_t count) const override { return 2 * count; }

 private:
  Rounding rounding_;
};

}  // namespace

extern const Entry<Codec> codecs_fp16;
const Entry<Codec> codecs_fp16 =
    entry<Codec, Fp16>("fp16", "2 bytes per value, IEEE half, at most 65504");

}  // namespace causeway
