// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace causeway {

/// The tokens of short words seen before, in memory of a fixed size: two places for a word, the
/// older of which gives way. A place is one cache line.
class WordCache {
 public:
  static constexpr size_t kWordBytesMax = 32;
  static constexpr size_t kTokensMax = 7;

  struct alignas(64) Place {
    std::array<uint64_t, 4> key{};
    std::array<int32_t, kTokensMax> tokens{};
    uint16_t bytes = 0;  ///< 0: empty
    uint16_t count = 0;

    std::span<const int32_t> view() const { return {tokens.data(), count}; }
  };

  /// A word of 1 to kWordBytesMax bytes as numbers; together with its length they are that word.
  static std::array<uint64_t, 4> key_of(std::string_view word) {
    const char* const begin = word.data();
    const size_t bytes = word.size();
    if (bytes > 16)
      return {load<uint64_t>(begin), load<uint64_t>(begin + 8), load<uint64_t>(begin + bytes - 16),
              load<uint64_t>(begin + bytes - 8)};
    if (bytes >= 8) return {load<uint64_t>(begin), load<uint64_t>(begin + bytes - 8), 0, 0};
    if (bytes >= 4) return {load<uint32_t>(begin), load<uint32_t>(begin + bytes - 4), 0, 0};
    return {load<uint8_t>(begin), load<uint8_t>(begin + bytes / 2),
            load<uint8_t>(begin + bytes - 1), 0};
  }

  static size_t hash(const std::array<uint64_t, 4>& key, size_t bytes) {
    uint64_t mixed = (key[0] ^ bytes) * 0x9E3779B97F4A7C15;
    mixed = (mixed ^ mixed >> 29 ^ key[1]) * 0xBF58476D1CE4E5B9;
    if (bytes > 16 || bytes < 4) {
      mixed = (mixed ^ mixed >> 29 ^ key[2]) * 0x94D049BB133111EB;
      mixed = (mixed ^ mixed >> 29 ^ key[3]) * 0x9E3779B97F4A7C15;
    }
    return static_cast<size_t>(mixed >> (64 - kPlaceBits));
  }

  /// Null if the word is not here.
  const Place* find(const std::array<uint64_t, 4>& key, size_t hash, size_t bytes) const {
    const Place* place = &places_[hash];
    if (place->bytes == bytes && place->key == key) return place;
    place = &places_[hash ^ 1];
    return place->bytes == bytes && place->key == key ? place : nullptr;
  }

  /// `tokens` are kTokensMax at most.
  void put(const std::array<uint64_t, 4>& key, size_t hash, size_t bytes,
           std::span<const int32_t> tokens) {
    places_[hash ^ 1] = places_[hash];
    Place& place = places_[hash];
    place.key = key;
    place.bytes = static_cast<uint16_t>(bytes);
    place.count = static_cast<uint16_t>(tokens.size());
    std::ranges::copy(tokens, place.tokens.begin());
  }

 private:
  static constexpr int kPlaceBits = 16;

  template <class T>
  static uint64_t load(const char* at) {
    T value;
    std::memcpy(&value, at, sizeof(T));
    return value;
  }

  std::vector<Place> places_ = std::vector<Place>(size_t{1} << kPlaceBits);
};

}  // namespace causeway
