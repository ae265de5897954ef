// SPDX-License-Identifier: Apache-2.0
#include "codec/draws.h"

#include <numeric>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/simd.h"

namespace causeway {
namespace {

// Philox blocks side by side, so that they vectorise; words of block i are words[0..3][i].
constexpr size_t kLanes = 64;
using Lanes = std::array<std::array<uint32_t, kLanes>, 4>;

void philox_lanes(Lanes& words, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    for (size_t i = 0; i < kLanes; ++i) {
      const uint64_t product0 = uint64_t{0xD2511F53} * words[0][i];
      const uint64_t product1 = uint64_t{0xCD9E8D57} * words[2][i];
      words[0][i] = static_cast<uint32_t>(product1 >> 32) ^ words[1][i] ^ key[0];
      words[1][i] = static_cast<uint32_t>(product1);
      words[2][i] = static_cast<uint32_t>(product0 >> 32) ^ words[3][i] ^ key[1];
      words[3][i] = static_cast<uint32_t>(product0);
    }
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
}

/// The blocks from `block` on.
Lanes rounding_lanes(uint64_t seed, uint64_t block) {
  Lanes words;
  for (size_t i = 0; i < kLanes; ++i) {
    words[0][i] = static_cast<uint32_t>(block + i);
    words[1][i] = static_cast<uint32_t>((block + i) >> 32);
    words[2][i] = static_cast<uint32_t>(Stream::kRounding);
    words[3][i] = static_cast<uint32_t>(Draw::kRound);
  }
  const std::array<uint32_t, 2> key = {static_cast<uint32_t>(seed),
                                       static_cast<uint32_t>(seed >> 32)};
  with_simd([&] { philox_lanes(words, key); });
  return words;
}

}  // namespace

void rounding_bits(uint64_t seed, int64_t begin, std::span<uint32_t> out) {
  auto index = static_cast<uint64_t>(begin);
  for (size_t i = 0; i < out.size();) {
    const uint64_t first = index / 4;
    const Lanes words = rounding_lanes(seed, first);
    for (; i < out.size() && index / 4 < first + kLanes; ++i, ++index)
      out[i] = words[index % 4][index / 4 - first];
  }
}

// The first steps of a shuffle by Fisher and Yates.
void draw_positions(uint64_t seed, size_t values, size_t count, std::span<uint16_t> out) {
  CW_CHECK(count <= values && values <= 0x10000 && out.size() >= count, "{} of {}", count, values);
  const Random random = draws(seed, Draw::kPositions);
  std::vector<uint16_t> order(values);
  std::iota(order.begin(), order.end(), uint16_t{0});
  for (size_t i = 0; i < count; ++i) {
    std::swap(order[i], order[i + random.below(i, values - i)]);
    out[i] = order[i];
  }
}

}  // namespace causeway
