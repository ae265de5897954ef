// SPDX-License-Identifier: Apache-2.0
//
// Which values of a block are sent, and how that is written:
//   u16 count | u8 kind | indices, of which there are none if the count is 0, nor a kind then.
// Kinds:
//   0 to 14  Rice codes of the gaps (Rice, "Some Practical Universal Noiseless Coding Techniques",
//            1979): what lies between an index and the one before it, divided by 2^kind; the
//            quotient as ones and a zero, then the remainder. The parameter follows from the
//            density: floor(log2(ln 2 / density)).
//   32       a bit for each value of the block, the lowest of a byte first
//   33       u16 each, ascending
//   34       u64 seed of draw_positions, which gives them again
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "codec/codec.h"

namespace causeway {

/// How the sender writes indices; the receiver takes any kind.
enum class IndexCoding : uint8_t {
  kAuto,  ///< Rice codes or bits, whichever are fewer bytes in this block
  kRice,
  kBitmap,
  kRaw,
};

/// The values of a block that are sent. Of fixed size: it lies on the stack.
struct Selection {
  std::array<uint16_t, kBlockValues> indices;  // ascending, unless drawn
  size_t count = 0;
  bool drawn = false;  ///< they are draw_positions of `seed`
  uint64_t seed = 0;
  float gain = 1;  ///< what the sender multiplies the values by

  std::span<const uint16_t> view() const { return std::span(indices).first(count); }
};

/// Appends the selection from a block of `values`.
void write_indices(const Selection& selection, size_t values, IndexCoding coding, Bytes& bytes);

/// Reads a selection from the front of `bytes`, which come from a stranger, and returns how many it
/// took. Fault::kCorrupt unless the indices are distinct and below `values`.
Result<size_t> read_indices(ByteSpan bytes, size_t values, Selection& selection);

/// Upper bound of what write_indices appends for 0 to `count` of `values`.
int64_t index_bytes_max(int64_t values, int64_t count, IndexCoding coding);
/// The same if they are drawn.
inline constexpr int64_t kDrawnIndexBytes = 11;

}  // namespace causeway
