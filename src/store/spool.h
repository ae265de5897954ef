// SPDX-License-Identifier: Apache-2.0
//
// Offers and results as they arrive: in chunks, interrupted, resumed, checked.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/byte_source.h"
#include "core/hash.h"
#include "store/disk.h"

namespace causeway {

/// No blob has more: 16 TiB.
inline constexpr int64_t kBlobBytesMax = int64_t{1} << 44;

/// Owner of what the hub itself made.
inline constexpr int32_t kHubOwner = -1;

/// A blob by what it holds. Two workers that send the same bytes have a blob each, so that one
/// cannot claim what the other sent.
struct BlobId {
  int32_t owner = kHubOwner;  ///< worker id
  Digest digest;              ///< of all its bytes
  auto operator<=>(const BlobId&) const = default;
};

struct BlobProgress {
  int64_t bytes_total = 0;
  int64_t received = 0;  ///< prefix that is here
  int64_t durable = 0;   ///< prefix that a crash will not lose; at most `received`
  bool complete() const { return received == bytes_total; }
  bool operator==(const BlobProgress&) const = default;
};

/// A blob of the hub's own that is written from front to back; what it holds says its name in the
/// end. Its bytes take room as they come. If it goes before `finish` there is none. Its spool
/// outlives it.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  /// Fault::kIo: the disk refused; kRefused: no room. The writer is then of no use any more.
  virtual Result<void> append(ByteSpan bytes) = 0;
  /// Durable when it returns. A blob with the same bytes may be there already.
  virtual Result<BlobId> finish() = 0;
};

/// Blobs that arrive in chunks, in order of offset. What senders say is not trusted: sizes are
/// bounded, checksums guard what lies here, and `verify` compares the whole with its digest. Calls
/// may block; one thread at a time.
///
/// Fault::kIo: the disk refused; the blob is as it was, and the call may be repeated.
class Spool {
 public:
  virtual ~Spool() = default;

  /// Announces a blob and sets its room aside. Returns the bytes that are here already: where to go
  /// on. Opening again changes nothing. Fault::kRefused if there is no room; Fault::kBadInput if
  /// the total is negative, beyond kBlobBytesMax, or not that of the first call.
  virtual Result<int64_t> open(const BlobId& id, int64_t bytes_total) = 0;
  /// Takes a chunk that starts right where the blob ends so far. One that starts before is a
  /// duplicate and ignored. Fault::kBadInput for a gap, for more than the total, for a blob that is
  /// not open. Fault::kRefused for chunks so small that their checksums would take more room than
  /// they: at most 1,024 of a blob may be below 4 KiB.
  virtual Result<void> write(const BlobId& id, int64_t offset, ByteSpan chunk) = 0;
  /// Makes durable what is here, and returns how much that is. If it fails, the blob falls back to
  /// what was durable before.
  virtual Result<int64_t> sync(const BlobId& id) = 0;
  /// open, write and sync of a blob of one's own; that the digest fits is checked.
  virtual Result<void> put(const BlobId& id, ByteSpan bytes) = 0;
  /// `bytes_expected`: about how many it will have, 0 if that is not known.
  virtual Result<std::unique_ptr<BlobWriter>> begin(int64_t bytes_expected = 0) = 0;
  /// What is here, not verified. It stays where it is until this blob is changed or viewed again.
  virtual Result<ByteSpan> view(const BlobId& id) = 0;
  /// Gives the memory back that views have touched. They stay valid.
  virtual void cool() {}
  /// Gives `take` at most `count` bytes from `offset` on, in pieces and in order, fewer where the
  /// blob ends so far, after a look at their checksums. Fault::kCorrupt: it is cut back to what was
  /// good before the first bad chunk. `take` does not call the spool.
  using TakePiece = std::function<void(ByteSpan)>;
  virtual Result<void> each_piece(const BlobId& id, int64_t offset, int64_t count,
                                  const TakePiece& take) = 0;
  /// The same, copied.
  Result<Bytes> read(const BlobId& id, int64_t offset, int64_t count);
  /// Reads all of a complete blob and compares it with its checksums and digest. Fault::kCorrupt:
  /// it is cut back to what was good before the first bad chunk, or to nothing if the digest alone
  /// is wrong: the sender lied. Fault::kBadInput if it is not complete.
  virtual Result<void> verify(const BlobId& id) = 0;
  /// Frees the blob's room. There may be no such blob.
  virtual Result<void> drop(const BlobId& id) = 0;

  /// None if the blob is not open.
  virtual std::optional<BlobProgress> progress(const BlobId& id) const = 0;
  int64_t durable(const BlobId& id) const {
    const auto known = progress(id);
    return known ? known->durable : 0;
  }
  virtual std::vector<BlobId> ids() const = 0;  ///< ascending
  /// Sum of the totals of all open blobs, at most bytes_max: a promise to senders, so it counts
  /// from `open` on. Checksums come on top: 1/512 of the whole, and at most 9 KiB for each blob.
  virtual int64_t bytes_reserved() const = 0;
  virtual int64_t bytes_max() const = 0;
  /// What it holds of this process's memory: for each blob and each of its chunks a few bytes; the
  /// blobs themselves only in memory_spool.
  virtual int64_t memory_bytes() const = 0;
};

/// Name of the file that a disk_spool keeps a blob's bytes in.
std::string spool_file_name(const BlobId& id);

/// Blobs in this process's memory; "durable" is what was synced, and nothing survives.
std::unique_ptr<Spool> memory_spool(int64_t bytes_max);

/// Blobs in files of `disk`, which outlives the spool: for each blob its bytes, and beside them a
/// checksum for each chunk. Opening finds what survived: of each blob the longest prefix whose
/// checksums are right, which it reads and syncs; it reserves their totals, were they beyond
/// bytes_max. A blob whose entry is unreadable is gone. Files of other names are left alone.
///
/// `view` is Disk::view of the file: no copy and no cache of this process. With a real folder the
/// bytes lie in the system's page cache, however many blobs are viewed.
Result<std::unique_ptr<Spool>> disk_spool(Disk& disk, int64_t bytes_max);

/// A blob as a source that is read piece by piece, checked by checksums. The spool outlives it, and
/// keeps the blob. Of a blob that is there.
ByteSource spool_source(Spool& spool, const BlobId& id);

}  // namespace causeway
