// SPDX-License-Identifier: Apache-2.0
#include "core/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "core/check.h"

namespace causeway {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0];
    const uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

uint64_t Random::bits(uint64_t position) const {
  const auto block = philox(
      {static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32), stream_, index_},
      key_);
  return (static_cast<uint64_t>(block[1]) << 32) | block[0];
}

double Random::uniform(uint64_t position) const {
  return static_cast<double>(bits(position) >> 11) * 0x1p-53;
}

double Random::normal(uint64_t position) const {
  const auto block = philox(
      {static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32), stream_, index_},
      key_);
  const double first = (static_cast<double>(block[0]) + 0.5) * 0x1p-32;
  const double second = static_cast<double>(block[1]) * 0x1p-32;
  return std::sqrt(-2 * std::log(first)) * std::cos(2 * std::numbers::pi * second);
}

uint64_t Random::below(uint64_t position, uint64_t bound) const {
  CW_CHECK(bound > 0);
  return static_cast<uint64_t>((static_cast<unsigned __int128>(bits(position)) * bound) >> 64);
}

// A Feistel network over a power of four, walked until the image is in range. The round is mixed
// into the key by a block of its own, so that no two seeds share a permutation. Fewer turns or a
// smaller network would favour some orders of a handful of values.
uint64_t Random::permute(uint64_t value, uint64_t count, uint64_t round) const {
  CW_CHECK(value < count);
  constexpr uint32_t kTurns = 6;
  const auto round_key = philox({static_cast<uint32_t>(round), static_cast<uint32_t>(round >> 32),
                                 stream_ ^ ((kTurns + 1) << 16), index_},
                                key_);
  const int half = std::max(3, (static_cast<int>(std::bit_width(count - 1)) + 1) / 2);
  const uint64_t mask = (uint64_t{1} << half) - 1;
  do {
    uint64_t left = value >> half, right = value & mask;
    for (uint32_t turn = 0; turn < kTurns; ++turn) {
      const auto block =
          philox({static_cast<uint32_t>(right), 0, stream_ ^ ((turn + 1) << 16), index_},
                 {round_key[0], round_key[1]});
      const uint64_t next = left ^ (block[0] & mask);
      left = right;
      right = next;
    }
    value = (left << half) | right;
  } while (value >= count);
  return value;
}

}  // namespace causeway
