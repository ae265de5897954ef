// SPDX-License-Identifier: Apache-2.0
//
// One peer's chunks on their way out: each is put to an object store, and a reference goes over the
// connection in its place. Puts end in any order; references go in the order of a blob's offsets,
// as both machines of the protocol take them in that order only.
//
// Whatever the store does, the bytes get there:
//   - what cannot be put goes over the connection, and so does the rest of its blob;
//   - what the peer could not get, it says (FrameKind::kMissing): the blob goes over the connection
//     from there on;
//   - a store that failed a few times in a row is away (StoreHealth): all goes over the connection,
//     and one chunk is put besides from time to time, to see whether the store is back.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/clock.h"
#include "net/chunk_transfers.h"
#include "net/store_health.h"

namespace causeway {

/// Calls from any thread.
class ReferenceSender {
 public:
  using Read = ChunkTransfers::Read;
  /// Called one at a time, without any lock held. They must not wait for a call of the sender.
  struct Hooks {
    /// Sends the reference of a chunk.
    std::function<void(const Referral&)> refer;
    /// Sends a chunk over the connection.
    std::function<void(const BulkRequest&, const Read&)> plain;
    /// For people; also called by several threads at once.
    std::function<void(const std::string&)> note;
  };
  static constexpr size_t kChunksMax = 4096;  ///< under way; more are left out, as if lost
  static constexpr size_t kBlobsMax = 64;     ///< of which it knows how they go

  /// All outlive the sender, but for what `transfers` calls: drop `line` or end it before.
  ReferenceSender(ChunkTransfers& transfers, const Clock& clock, ChunkTransfers::Line line,
                  Hooks hooks)
      : transfers_(transfers), clock_(clock), line_(line), hooks_(std::move(hooks)) {}

  /// A chunk, of 1 to kChunkBytesMax bytes. One that is on its way is not sent twice.
  void send(const BulkRequest& what, const Read& read);
  /// The peer could not get what was referred to: what is to be sent again, as it was under way
  /// after that. Nothing if no such reference was sent.
  std::optional<BulkRequest> missing(const Referral& referral);
  /// The connection was made anew: nothing is under way any more.
  void reset();

  /// That went by reference, since the start.
  int64_t referred_bytes() const;

 private:
  struct Outgoing {
    BulkRequest what;
    Read read;
    uint64_t ticket = 0;  // of its put
    std::optional<ChunkReference> put;
  };
  struct Lane {
    uint64_t run = 0;
    int64_t epoch = 0;
    bool plain = false;              // it goes over the connection
    int64_t reach = 0;               // end of what was sent
    uint64_t used = 0;               // when, in tickets
    std::map<int64_t, Outgoing> on;  // their way, by offset
  };

  int64_t now_ms() const { return clock_.now_ns() / 1'000'000; }
  Lane& lane_of(const BulkRequest& what);
  size_t count() const;
  bool take(Lane& lane, const BulkRequest& what, const Read& read, uint64_t& ticket);
  void begin_put(const BulkRequest& what, const Read& read, uint64_t ticket);
  void put_done(const BulkRequest& what, uint64_t ticket, bool unread,
                const Result<ChunkReference>& put);
  std::string settle(const BulkRequest& what, uint64_t ticket, bool unread,
                     const Result<ChunkReference>& put);
  void release(Lane& lane);
  void go_plain(Lane& lane);
  void flush();

  ChunkTransfers& transfers_;
  const Clock& clock_;
  const ChunkTransfers::Line line_;
  const Hooks hooks_;

  mutable std::mutex mutex_;
  StoreHealth health_;
  uint64_t tickets_ = 0;
  std::map<Digest, Lane> lanes_;
  std::deque<Outgoing> out_;  // in this order, whatever happens
  bool flushing_ = false;     // by one thread
  int64_t referred_bytes_ = 0;
};

}  // namespace causeway
