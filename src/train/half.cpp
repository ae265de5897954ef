// SPDX-License-Identifier: Apache-2.0
#include "train/half.h"

#include <bit>

#include "core/check.h"

namespace causeway {
namespace {

constexpr uint32_t kInfinity = 0x7f800000;

/// `bits` without its last `count` bits, rounded to nearest even.
uint32_t rounded(uint32_t bits, int count) {
  const uint32_t last = (bits >> count) & 1, half = (1u << (count - 1)) - 1;
  return (bits + half + last) >> count;
}

template <class Convert>
size_t convert_all(std::span<const float> values, std::span<uint16_t> out, uint16_t infinity,
                   Convert convert) {
  CW_CHECK(values.size() == out.size());
  size_t lost = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = convert(values[i]);
    const bool finite = (std::bit_cast<uint32_t>(values[i]) & kInfinity) != kInfinity;
    lost += static_cast<size_t>(finite && (out[i] & 0x7fff) == infinity);
  }
  return lost;
}

}  // namespace

uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > kInfinity) {  // NaN, which must not become infinite
    const uint32_t upper = bits >> 16;
    return static_cast<uint16_t>((upper & 0x7f) == 0 ? upper | 0x40 : upper);
  }
  return static_cast<uint16_t>(rounded(bits, 16));
}

uint16_t to_half(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000, size = bits & 0x7fffffff;
  if (size > kInfinity) {
    const uint32_t fraction = (size >> 13) & 0x3ff;
    return static_cast<uint16_t>(sign | 0x7c00 | (fraction == 0 ? 0x200 : fraction));
  }
  if (size >= 0x47800000) return static_cast<uint16_t>(sign | 0x7c00);  // 2^16 and more
  // Normal: exponents differ by 112. Rounding may carry into the exponent, up to infinity.
  if (size >= 0x38800000) return static_cast<uint16_t>(sign | rounded(size - (112u << 23), 13));
  // Below 2^-25 all is zero; 2^-25 itself is halfway and rounds to the even 0.
  if (size <= 0x33000000) return static_cast<uint16_t>(sign);
  const uint32_t fraction = (size & 0x7fffff) | 0x800000;
  return static_cast<uint16_t>(sign | rounded(fraction, 126 - static_cast<int>(size >> 23)));
}

size_t to_bf16(std::span<const float> values, std::span<uint16_t> out) {
  return convert_all(values, out, 0x7f80, [](float value) { return to_bf16(value); });
}

size_t to_half(std::span<const float> values, std::span<uint16_t> out) {
  return convert_all(values, out, 0x7c00, [](float value) { return to_half(value); });
}

}  // namespace causeway
