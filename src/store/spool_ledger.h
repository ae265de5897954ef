// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "store/spool.h"

namespace causeway {

/// What a spool knows of its blobs, apart from where their bytes lie: who may write what.
class SpoolLedger {
 public:
  struct Chunk {
    uint32_t length;
    uint32_t crc;
  };
  struct Blob {
    BlobProgress progress;
    std::vector<Chunk> chunks;  // of `received`, in order
    int32_t small = 0;          // chunks below kSmallBytes
  };

  explicit SpoolLedger(int64_t bytes_max);

  /// Null if the blob is not open.
  Blob* find(const BlobId& id);
  const Blob* find(const BlobId& id) const;
  /// The blob, or Fault::kBadInput.
  Result<Blob*> wanted(const BlobId& id);
  /// Spool::open's checks for a new blob, or for one that is open.
  Result<void> check_open(const BlobId& id, int64_t bytes_total) const;
  Blob& add(const BlobId& id, int64_t bytes_total);
  /// Sets room aside for what has no name yet; a negative number gives it back. Fault::kRefused.
  Result<void> reserve(int64_t bytes);
  void erase(const BlobId& id);

  /// Spool::write's checks. The pieces that the chunk is to be kept as; none of a duplicate.
  static std::vector<Chunk> pieces_of(ByteSpan chunk);
  static Result<std::vector<Chunk>> admit(const BlobId& id, const Blob& blob, int64_t offset,
                                          ByteSpan chunk);
  static void extend(Blob& blob, const std::vector<Chunk>& pieces);
  /// Forgets all but the first `chunks`.
  static void cut(Blob& blob, size_t chunks);
  /// What of these bytes is here: at most those up to the blob's end so far.
  struct Range {
    int64_t begin = 0, end = 0;
  };
  static Range range(const Blob& blob, int64_t offset, int64_t count);
  static Result<void> check_complete(const BlobId& id, const Blob& blob);

  std::vector<BlobId> ids() const;
  int64_t bytes_reserved() const { return bytes_reserved_; }
  int64_t bytes_max() const { return bytes_max_; }
  int64_t memory_bytes() const;

 private:
  const int64_t bytes_max_;
  int64_t bytes_reserved_ = 0;
  std::map<BlobId, Blob> blobs_;
};

/// "blob 0123... of worker 3", for messages.
std::string name_of(const BlobId& id);

}  // namespace causeway
