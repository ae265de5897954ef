// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "net/bulk_request.h"
#include "net/chunk_store.h"
#include "net/frame.h"

namespace causeway {

/// Chunks to and from an object store, for several lines of work: each line's in its order, lines
/// in turn, so that one who asks for much does not keep the others waiting. Safe from many threads.
///
/// Each `done` is called once, unless its line is dropped before: on any thread, even before the
/// call returns, so the caller must hold no lock that `done` takes. Faults: those of ChunkStore.
class ChunkTransfers {
 public:
  using Line = int64_t;
  /// Gives the bytes of a chunk when it is their turn.
  using Read = std::function<Result<SharedBytes>()>;
  using Put = ChunkStore::Put;
  using Got = ChunkStore::Got;

  virtual ~ChunkTransfers() = default;

  /// A failure of `read`, or no bytes, is what `done` gets then. Not read if it was put lately.
  virtual void put(Line line, const BulkRequest& what, Read read, Put done) = 0;
  virtual void get(Line line, const Referral& what, Got done) = 0;
  /// See ChunkStore.
  virtual void forget(uint64_t run, const Digest& blob) = 0;
  /// What the line waits for is not begun any more, and not answered.
  virtual void drop(Line line) = 0;
};

}  // namespace causeway
