// SPDX-License-Identifier: Apache-2.0
//
// A round's result as one blob, written from front to back while it is folded and read without
// being held:
//   u64 magic | bytes of each channel | index (core/fields.h) | u32 bytes of the index
#pragma once

#include "core/byte_source.h"
#include "sync/exchange.h"

namespace causeway {

/// Says what goes before, between and after the channels' bytes.
class CommitIndex {
 public:
  explicit CommitIndex(int64_t round) : round_(round) {}

  /// What the blob begins with.
  static Bytes head();
  /// The next channel, and how many bytes it has.
  void add(int32_t channel, std::vector<Member> members, int64_t bytes);
  /// What the blob ends with.
  Bytes tail() const;

 private:
  const int64_t round_;
  std::vector<std::pair<ChannelResult, int64_t>> entries_;  // without bytes; their number
};

Bytes encode_commit(const Commit& commit);
/// Any bytes are safe: Fault::kCorrupt; kIo from where they lie. Its channels' bytes are parts of
/// `blob`.
Result<Commit> decode_commit(const ByteSource& blob);

}  // namespace causeway
