// SPDX-License-Identifier: Apache-2.0
//
// Chunks by reference: the bytes of a Chunk go through an object store, and only a reference of 68
// bytes goes to its receivers. For sites that cannot keep long connections, and for a hub that
// shall send one result to many without sending its bytes to each.
//
// The object's key is chunks/RUN/BLOB/OFFSET-SIZE: 16 and 32 hexadecimal digits, then decimals. It
// follows from the chunk alone and its bytes never change, so that a repeated put is harmless and
// all receivers share one object. What uses this, for a sender:
//
//   if (!chunks.put(run, chunk, [&](Result<ChunkReference> put) { ... send *put, or put again }))
//     ... full: again when a call is done
//
// and for a receiver of a reference, the same with `get` and a Result<Chunk>. A chunk that comes
// out is the chunk that went in: the reference has the SHA-256 of its bytes, so that whoever may
// write to the bucket cannot give other ones. (The blob's digest alone is for accidents.) The
// reference itself goes where messages go, between parties that know each other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/clock.h"
#include "core/options.h"
#include "exchange/messages.h"
#include "net/chunk_reference.h"
#include "net/object_store.h"

namespace causeway {

struct ChunkStoreOptions {
  int64_t transfers = 4;
  int64_t calls_max = 1024;
  int64_t bytes_max = 64 << 20;
  int64_t timeout_ms = 60'000;
  int64_t remembered = 16'384;

  template <class Visit>
  void each(Visit&& visit) {
    visit("transfers", transfers, Range<int64_t>{1, 64}, "", "At once, each with a thread.");
    visit("calls_max", calls_max, Range<int64_t>{1, 1 << 20}, "",
          "Not done yet; more are refused.");
    visit("bytes_max", bytes_max, Range<int64_t>{int64_t{kChunkBytesMax}, int64_t{1} << 40},
          "bytes", "Of chunks that are not done yet.");
    visit("timeout_ms", timeout_ms, Range<int64_t>{100, 3'600'000}, "ms",
          "Most time until a transfer begins; then the store's own counts.");
    visit("remembered", remembered, Range<int64_t>{0, 1 << 24}, "",
          "Objects put last, which are not put again; 150 bytes each.");
  }
};

/// Transfers on threads of its own, in any order. All calls return at once and are safe from many
/// threads. Whatever was accepted is answered by its callback, once, on one of those threads,
/// without any lock held: a callback may call put, get and remove_blob, and should be short, as a
/// transfer waits for its thread. It must not destroy the ChunkStore.
///
/// Faults: those of the ObjectStore; Fault::kTimeout if the transfer could not begin in time;
/// Fault::kCorrupt if the object is not what the reference says.
class ChunkStore {
 public:
  using Put = std::function<void(Result<ChunkReference>)>;
  using Got = std::function<void(Result<Chunk>)>;
  using Removed = std::function<void(Result<int64_t>)>;

  /// `store` and `clock` outlive this. Bounds that are out of range are a bug.
  ChunkStore(ObjectStore& store, const Clock& clock, const ChunkStoreOptions& options);
  /// Drops what waits, and its callbacks; waits for transfers in flight, as long as the store takes
  /// (ObjectStore::cancel first, if nobody else needs it), and for callbacks that run. None runs
  /// afterwards.
  ~ChunkStore();
  ChunkStore(const ChunkStore&) = delete;
  ChunkStore& operator=(const ChunkStore&) = delete;

  /// The chunk has 1 to kChunkBytesMax bytes; else it is a bug. One that is being put is joined,
  /// and one that was put lately is not put again. False: full, nothing was taken. Other bytes
  /// under the same key are Fault::kCorrupt.
  [[nodiscard]] bool put(uint64_t run, const Chunk& chunk, const Put& done);

  /// The reference may be a stranger's. Fault::kBadInput: there is no such object (any more): ask
  /// its sender again. False: full, nothing was taken.
  [[nodiscard]] bool get(uint64_t run, const ChunkReference& reference, const Got& done);

  /// Removes all objects of a blob and forgets them, one after another between other transfers;
  /// `done` gets their number. Nobody puts this blob meanwhile. False: full, nothing was begun.
  [[nodiscard]] bool remove_blob(uint64_t run, const Digest& blob, const Removed& done);

  /// The same for all objects of a run, when it is over.
  [[nodiscard]] bool remove_run(uint64_t run, const Removed& done);

  /// The reference of an object that was put lately, so that its bytes need not be read for it.
  std::optional<ChunkReference> find(uint64_t run, const Digest& blob, int64_t offset,
                                     int64_t bytes) const;

  /// Puts of this blob are made anew: for when a receiver did not find an object, as somebody
  /// cleaned the bucket.
  void forget(uint64_t run, const Digest& blob);

  /// Calls that are not done yet.
  int64_t pending() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway
