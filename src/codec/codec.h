// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "core/bytes.h"
#include "core/plugin.h"

namespace causeway {

/// A signal is coded in blocks of at most this many values, each on its own, so that offers seek,
/// resume and fold block by block.
inline constexpr int64_t kBlockValues = 16'384;

/// Turns values into wire bytes and back. Pure: the same values and seed give the same bytes. Const
/// methods may be called from many threads at once.
class Codec {
 public:
  virtual ~Codec() = default;

  /// Values of a block, 1 to kBlockValues; the last block of a signal may be shorter.
  virtual int64_t block_values() const { return kBlockValues; }

  /// True of codecs that code value by value: the encodings of a block's parts, joined, are that of
  /// the block, and sizes do not depend on the values. Large signals are then moved in parts that
  /// stay in the first-level cache.
  virtual bool joins() const { return false; }

  /// Appends the encoding of one block of 1 to block_values() finite values. Values that break this
  /// are the caller's bug and fail a check. `seed` is for codecs that draw: it depends on the
  /// round, never on the attempt.
  virtual void encode(std::span<const float> block, uint64_t seed, Bytes& bytes) const = 0;

  /// Decodes exactly `block.size()` values. `bytes` come from a stranger: any content is safe.
  /// Fault::kCorrupt if they are not a valid encoding of so many finite values; `block` then has
  /// unspecified values.
  virtual Result<void> decode(ByteSpan bytes, std::span<float> block) const = 0;

  /// Upper bound, in bytes, on what `encode` appends for a block of `count` values. Codecs whose
  /// size does not depend on the values reach it always.
  virtual int64_t block_bytes_max(int64_t count) const = 0;
};

/// Every codec, sorted by name.
Entries<Codec> codecs();

}  // namespace causeway
