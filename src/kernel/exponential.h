// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace causeway {

/// e^x in a form that compilers vectorise, relative error below 2e-7: x = n ln 2 + r with |r| <= ln
/// 2 / 2, e^r by its Taylor polynomial of degree 7, and n added to the exponent. Below -87.3, where
/// float32 has no normal numbers, 0; above 88.7 the largest power that is left, near 3e38.
inline float exponential(float x) {
  constexpr float kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 0x1.8p23f;  // adding it leaves no bits for a fraction
  const float bounded = x < -87.3f ? -87.3f : (x > 88.3f ? 88.3f : x);
  const float shifted = bounded * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = (bounded - n * kLn2High) - n * kLn2Low;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const int32_t exponent = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRound);
  const float power = std::bit_cast<float>((exponent + 127) << 23);
  return x < -87.3f ? 0.0f : (x != x ? x : p * power);
}
inline double exponential(double x) { return std::exp(x); }

}  // namespace causeway
