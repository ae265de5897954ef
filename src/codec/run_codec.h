// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "codec/codec.h"

namespace causeway {

/// The lengths of runs that follow each other and make up a block; none is empty.
using RunLengths = std::span<const uint16_t>;

/// A codec with a scale for each run of values, which can be told the runs: where a selector looks
/// at chunks of a signal on their own, what is sent of each chunk is a run.
class RunCodec : public Codec {
 public:
  /// As Codec's `encode` and `decode`, with these runs instead of the codec's own.
  virtual void encode_runs(std::span<const float> block, RunLengths runs, Bytes& bytes) const = 0;
  virtual Result<void> decode_runs(ByteSpan bytes, RunLengths runs,
                                   std::span<float> block) const = 0;
  /// What `encode_runs` appends for so many values, and how much of it are scales.
  virtual int64_t runs_bytes(int64_t count, int64_t runs) const = 0;
  virtual int64_t runs_head_bytes(int64_t runs) const = 0;
};

}  // namespace causeway
