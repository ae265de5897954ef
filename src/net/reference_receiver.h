// SPDX-License-Identifier: Apache-2.0
//
// One peer's chunks on their way in, by reference or over the connection: what they refer to is
// got from an object store, and given on as the messages that they stand for, in the order of a
// blob's offsets.
//
// What cannot be got is told to its sender (FrameKind::kMissing), which then sends the blob over
// the connection from there on; until that comes, the rest of the blob is left out. From a store
// that is away (StoreHealth) nothing is got but to see whether it is back.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "core/clock.h"
#include "net/chunk_transfers.h"
#include "net/store_health.h"

namespace causeway {

/// Calls from any thread.
class ReferenceReceiver {
 public:
  /// Called one at a time, without any lock held. They must not wait for a call of the receiver.
  struct Hooks {
    /// Gives a Chunk to the machine.
    std::function<void(Message)> deliver;
    /// Says that an object could not be got.
    std::function<void(const Referral&)> missing;
    /// For people; also called by several threads at once.
    std::function<void(const std::string&)> note;
  };
  static constexpr size_t kChunksMax = 4096;  ///< not given on yet; more are left out, as if lost
  static constexpr size_t kBlobsMax = 256;
  static constexpr int64_t kPlainBytesMax = int64_t{64} << 20;  ///< that wait for others

  /// All outlive the receiver, but for what `transfers` calls: drop `line` or end it before.
  ReferenceReceiver(ChunkTransfers& transfers, const Clock& clock, ChunkTransfers::Line line,
                    Hooks hooks)
      : transfers_(transfers), clock_(clock), line_(line), hooks_(std::move(hooks)) {}

  /// A reference came.
  void take(const Referral& referral);
  /// A Chunk came over the connection.
  void take(Message message);
  /// The connection was made anew: nothing is under way any more.
  void reset();

  /// That came by reference, since the start.
  int64_t got_bytes() const;

 private:
  struct Incoming {
    Referral referral;               // of one by reference
    uint64_t ticket = 0;             // of its get
    std::optional<Message> message;  // it is here
  };
  struct Lane {
    uint64_t run = 0;
    int64_t epoch = 0;
    std::optional<int64_t> missing;  // from there on it comes over the connection
    std::map<int64_t, Incoming> on;  // their way, by offset
  };
  using Out = std::variant<Message, Referral>;

  int64_t now_ms() const { return clock_.now_ns() / 1'000'000; }
  Lane* lane_of(uint64_t run, int64_t epoch, const Digest& blob);
  bool has_room(int64_t plain_bytes) const;
  bool wants(const Referral& referral, uint64_t& ticket);
  void begin_get(const Referral& referral, uint64_t ticket);
  void get_done(const Referral& referral, uint64_t ticket, Result<Chunk> got);
  std::string settle(const Referral& referral, uint64_t ticket, Result<Chunk> got);
  void miss(Lane& lane, const Referral& referral);
  void release(const Digest& blob, Lane& lane);
  void flush();

  ChunkTransfers& transfers_;
  const Clock& clock_;
  const ChunkTransfers::Line line_;
  const Hooks hooks_;

  mutable std::mutex mutex_;
  StoreHealth health_;
  uint64_t tickets_ = 0;
  std::map<Digest, Lane> lanes_;  // of which something is awaited
  std::deque<Out> out_;           // in this order
  std::deque<Incoming> dropped_;  // let go of without the lock
  bool flushing_ = false;         // by one thread
  int64_t got_bytes_ = 0;
};

}  // namespace causeway
