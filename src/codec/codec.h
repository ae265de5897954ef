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

/// What an encoding depends on beside the values of a block.
struct Coding {
  Coding(uint64_t seed_value = 0) : seed(seed_value) {}  // NOLINT(google-explicit-constructor)
  uint64_t seed = 0;  ///< for codecs that draw: it depends on the round, never on the attempt
  int64_t round = 0;  ///< rounds of the channel before this one: for codecs that change with time
  int64_t begin = 0;  ///< index in the signal of the block's first value
  ByteSpan survey;    ///< Codec::survey of the signal
};

/// A tensor's place in a signal. A signal's tensors follow each other and fill it.
struct TensorCut {
  int64_t count = 0;
  int64_t columns = 0;  ///< of a matrix, row-major; of anything else its count
  int64_t rows() const { return count / columns; }
  bool matrix() const { return rows() > 1 && columns > 1; }
};

/// Turns values into wire bytes and back. Pure: the same values and coding give the same bytes.
/// Const methods may be called from many threads at once.
class Codec {
 public:
  virtual ~Codec() = default;

  /// Tells which tensors a signal consists of: once, before the first signal, or never.
  virtual void fit(std::span<const TensorCut>) {}

  /// True of codecs that must see the whole signal before they can code a block of it, so that
  /// `survey` goes first.
  virtual bool surveys() const { return false; }
  /// What `encode` must know of the whole signal: a threshold, a codebook. It is not sent.
  virtual Bytes survey(std::span<const float>, const Coding&) const { return {}; }

  /// Values of a block, 1 to kBlockValues; the last block of a signal may be shorter.
  virtual int64_t block_values() const { return kBlockValues; }

  /// True of codecs that code value by value: the encodings of a block's parts, joined, are that of
  /// the block, and sizes do not depend on the values. Large signals are then moved in parts that
  /// stay in the first-level cache.
  virtual bool joins() const { return false; }

  /// Appends the encoding of one block of 1 to block_values() finite values. Values that break this
  /// are the caller's bug and fail a check.
  virtual void encode(std::span<const float> block, const Coding& coding, Bytes& bytes) const = 0;

  /// Decodes exactly `block.size()` values. `bytes` come from a stranger: any content is safe.
  /// Fault::kCorrupt if they are not a valid encoding of so many finite values; `block` then has
  /// unspecified values.
  virtual Result<void> decode(ByteSpan bytes, std::span<float> block) const = 0;

  /// Upper bound, in bytes, on what `encode` appends for a block of `count` values. Codecs whose
  /// size does not depend on the values reach it always.
  virtual int64_t block_bytes_max(int64_t count) const = 0;

  /// What a block of `count` values may be expected to take, for forecasts and for memory that is
  /// set aside: below block_bytes_max where the size depends on the values.
  virtual int64_t block_bytes_likely(int64_t count) const { return block_bytes_max(count); }

  /// Bytes at the front of the encoding of `count` values that are no codes: scales, a codebook.
  /// A packer leaves them as they are.
  virtual int64_t head_bytes(int64_t) const { return 0; }
};

/// Every codec, sorted by name.
Entries<Codec> codecs();

}  // namespace causeway
