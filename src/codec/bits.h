// SPDX-License-Identifier: Apache-2.0
//
// Numbers of a few bits each, the highest bit first. The last byte is filled up with zeros.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "core/bytes.h"

namespace causeway {

/// Appends numbers. `finish` goes last.
class BitWriter {
 public:
  explicit BitWriter(Bytes& bytes) : bytes_(bytes) {}

  /// `value` has no bits above its lowest `count`, which is 0 to 32.
  void put(uint32_t value, int count) {
    pending_ = (pending_ << count) | value;
    filled_ += count;
    if (filled_ < 32) return;
    filled_ -= 32;
    append(static_cast<uint32_t>(pending_ >> filled_), 4);
  }
  /// `ones` ones and a zero.
  void put_unary(uint32_t ones) {
    for (; ones >= 32; ones -= 32) put(0xffffffff, 32);
    put(static_cast<uint32_t>((uint64_t{1} << (ones + 1)) - 2), static_cast<int>(ones) + 1);
  }
  void finish() {
    if (filled_ == 0) return;
    append(static_cast<uint32_t>(pending_ << (32 - filled_)), (filled_ + 7) / 8);
    filled_ = 0;
  }

 private:
  void append(uint32_t word, int size) {
    const uint32_t swapped = __builtin_bswap32(word);
    const size_t start = bytes_.size();
    bytes_.resize(start + static_cast<size_t>(size));
    std::memcpy(bytes_.data() + start, &swapped, static_cast<size_t>(size));
  }

  Bytes& bytes_;
  uint64_t pending_ = 0;  // the lowest `filled_` bits count
  int filled_ = 0;        // 0 to 31
};

/// Reads what a BitWriter wrote, from bytes of a stranger: past the end come zeros, and `spent`
/// tells.
class BitReader {
 public:
  explicit BitReader(ByteSpan bytes) : bytes_(bytes) {}

  /// The next `count` bits, 1 to 32.
  uint32_t peek(int count) {
    if (filled_ < 32) refill();
    return static_cast<uint32_t>(window_ >> (64 - count));
  }
  /// Passes over 0 to 32 bits, which have been peeked at.
  void skip(int count) {
    window_ <<= count;
    filled_ -= count;
    bits_ += count;
  }
  uint32_t get(int count) {
    if (count == 0) return 0;
    const uint32_t value = peek(count);
    skip(count);
    return value;
  }
  /// Ones up to a zero, which is passed over as well; `most` + 1 or more if there are more.
  uint32_t get_unary(uint32_t most) {
    uint32_t ones = 0;
    while (ones <= most) {
      const int run = std::countl_one(peek(32));
      ones += static_cast<uint32_t>(run);
      skip(run < 32 ? run + 1 : 32);
      if (run < 32) break;
    }
    return ones;
  }

  /// Bytes that were read, the last one in part.
  size_t bytes() const { return static_cast<size_t>((bits_ + 7) / 8); }
  /// False if there were too few, or if what fills up the last one is not zero.
  bool valid() const {
    if (bytes() > bytes_.size()) return false;
    const auto rest = static_cast<int>(bits_ % 8);
    return rest == 0 || (static_cast<uint8_t>(bytes_[bytes() - 1]) & (0xff >> rest)) == 0;
  }

 private:
  void refill() {
    while (filled_ <= 56 && next_ < bytes_.size()) {
      window_ |= uint64_t{static_cast<uint8_t>(bytes_[next_++])} << (56 - filled_);
      filled_ += 8;
    }
    // Zeros without end.
    if (next_ == bytes_.size() && filled_ < 32) filled_ = 64;
  }

  ByteSpan bytes_;
  size_t next_ = 0;
  uint64_t window_ = 0;  // the highest `filled_` bits count; the others are 0
  int filled_ = 0;
  int64_t bits_ = 0;
};

}  // namespace causeway
