// SPDX-License-Identifier: Apache-2.0
//
// The encoding of a whole signal: for each block of Codec::block_values() values a frame
//   u32 length | u32 crc32c of the bytes | bytes
// so that a block can be checked and decoded without the others.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "codec/codec.h"
#include "core/byte_source.h"

namespace causeway {

/// Blocks of a signal of `count` values; the last may be shorter.
int64_t block_count(const Codec& codec, int64_t count);

/// Upper bound on the encoding of a whole signal, frames included.
int64_t signal_bytes_max(const Codec& codec, int64_t count);
/// What it may be expected to be: the same of codecs whose size does not depend on the values.
int64_t signal_bytes_likely(const Codec& codec, int64_t count);

/// Encodes all of `signal` (finite values) into `bytes`, in place of what they held; surveys it
/// first, if the codec does. Bytes used before cost less than fresh ones: their memory is kept.
void encode_signal(const Codec& codec, std::span<const float> signal, Coding coding, Bytes& bytes);
Bytes encode_signal(const Codec& codec, std::span<const float> signal, const Coding& coding);

/// Decodes all of a signal of `signal.size()` values and checks its frames and checksums, in one
/// pass. Any bytes are safe. Fault::kCorrupt as from EncodedSignal and Codec; `signal` then has
/// unspecified values.
Result<void> decode_signal(const Codec& codec, ByteSpan bytes, std::span<float> signal);

/// The same block by block, in order, for signals that are not to be held whole: `take` gets the
/// index of the first value, and the values.
Result<void> decode_blocks(const Codec& codec, const ByteSource& bytes, int64_t count,
                           const std::function<void(int64_t, std::span<const float>)>& take);

/// encode_signal of a signal that comes in pieces of any size.
class SignalEncoder {
 public:
  /// The codec outlives it and surveys nothing.
  SignalEncoder(const Codec& codec, const Coding& coding) : codec_(codec), coding_(coding) {}

  /// Appends to `bytes` the blocks that are now complete.
  void push(std::span<const float> values, Bytes& bytes);
  /// And the last one.
  void finish(Bytes& bytes);

  /// What it holds of the heap: at most a block's values.
  int64_t memory_bytes() const { return static_cast<int64_t>(rest_.capacity() * sizeof(float)); }

 private:
  const Codec& codec_;
  Coding coding_;
  std::vector<float> rest_;  // of a block that is not complete
};

/// An encoded signal whose frames have been found and whose checksums match. Borrows the bytes and
/// the codec.
class EncodedSignal {
 public:
  /// Any bytes are safe. Fault::kCorrupt if frames or checksums are wrong or the number of blocks
  /// does not fit `count`.
  static Result<EncodedSignal> open(const Codec& codec, ByteSpan bytes, int64_t count);

  int64_t count() const { return count_; }
  int64_t blocks() const { return static_cast<int64_t>(frames_.size()); }
  /// First value of block `index`, and how many it has.
  int64_t block_begin(int64_t index) const { return index * codec_->block_values(); }
  int64_t block_size(int64_t index) const;
  /// Decodes block `index` into exactly block_size(index) values.
  Result<void> decode_block(int64_t index, std::span<float> values) const;
  /// Decodes the whole signal.
  Result<void> decode(std::span<float> values) const;

 private:
  const Codec* codec_ = nullptr;
  int64_t count_ = 0;
  std::vector<ByteSpan> frames_;
};

}  // namespace causeway
