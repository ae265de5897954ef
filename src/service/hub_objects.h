// SPDX-License-Identifier: Apache-2.0
//
// The hub's chunks by an object store: to and from those workers that use it too. A result is put
// once, whoever asks for it; objects are removed when the hub drops what they are of.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "net/reference_receiver.h"
#include "net/reference_sender.h"
#include "net/store_turns.h"

namespace causeway {

/// Payload that went through a store, since the start.
struct StoreBytes {
  int64_t sent = 0, received = 0;
};

/// Calls from any thread.
class HubObjects {
 public:
  /// Called on any thread, without a lock held; they must not wait for a call of this.
  struct Hooks {
    std::function<void(FrameKind, const Referral&)> refer;        ///< to a worker
    std::function<void(const BulkRequest&)> plain;                ///< over its connection
    std::function<Result<SharedBytes>(const BulkRequest&)> read;  ///< of the hub's blobs
    std::function<void(Message)> give;                            ///< to the machine
    std::function<void(WorkerId, const std::string& what)> note;  ///< -1: of the hub itself
  };

  /// Store and clock outlive it.
  HubObjects(ObjectStore& store, const Clock& clock, const ChunkStoreOptions& options, uint64_t run,
             Hooks hooks);
  /// Waits for transfers in flight: cancel the store before.
  ~HubObjects();
  HubObjects(const HubObjects&) = delete;
  HubObjects& operator=(const HubObjects&) = delete;

  /// A worker's connection begins; `uses`: it has the same store.
  void connected(WorkerId worker, bool uses);
  bool serves(WorkerId worker) const;
  /// What a worker that is served has asked for.
  void send(const BulkRequest& what);
  /// What a worker says: in their turn, to the machine.
  void receive(Message message);
  void receive(FrameKind kind, const Referral& referral);
  /// The hub takes in, or drops, a blob.
  void opened(const Digest& blob);
  void dropped(const Digest& blob);

  /// The run is over: removes all its objects. Waits at most so long; false if some may be left.
  bool clear(int64_t wait_ms_max);
  std::map<WorkerId, StoreBytes> bytes() const;

 private:
  struct Peer {
    bool uses = false;
    std::unique_ptr<ReferenceSender> sender;
    std::unique_ptr<ReferenceReceiver> receiver;
  };
  /// Of the objects of a blob.
  enum class Removal : uint8_t { kWaits = 1, kRuns = 2, kRunsAgain = 3 };

  std::unique_ptr<Peer> make_peer(WorkerId worker);
  Peer* peer_of(WorkerId worker) const;
  bool is_dropped(const Digest& blob);
  void remove(const Digest& blob);
  void begin_removals();
  void removed(const Digest& blob, bool done);

  const Clock& clock_;
  const uint64_t run_;
  const int64_t removals_max_;  // at once
  const Hooks hooks_;
  mutable std::mutex mutex_;
  std::condition_variable removed_;
  std::map<WorkerId, std::unique_ptr<Peer>> peers_;  // none goes
  std::set<Digest> ours_;                            // that were put, and not dropped
  std::set<Digest> dropped_;                         // lately
  std::deque<Digest> dropped_order_;
  std::map<Digest, Removal> removals_;
  std::deque<Digest> removals_waiting_;
  std::unique_ptr<StoreTurns> turns_;  // ends first: it calls what is above
};

}  // namespace causeway
