// SPDX-License-Identifier: Apache-2.0
//
// A worker's chunks by an object store: the same messages as over the connection, of which chunks
// go by reference if the hub uses the store too.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "net/reference_receiver.h"
#include "net/reference_sender.h"
#include "net/store_turns.h"

namespace causeway {

/// Calls from any thread.
class SiteObjects {
 public:
  /// Called on any thread, without a lock held; they must not wait for a call of this.
  struct Hooks {
    std::function<void(const Message&)> send;               ///< over the connection
    std::function<void(FrameKind, const Referral&)> refer;  ///< the same
    std::function<void(Message)> deliver;                   ///< to the machine
    std::function<void(const std::string&)> note;
  };

  /// Store and clock outlive it.
  SiteObjects(ObjectStore& store, const Clock& clock, const ChunkStoreOptions& options,
              Hooks hooks);
  /// Waits for transfers in flight: cancel the store before.
  ~SiteObjects();
  SiteObjects(const SiteObjects&) = delete;
  SiteObjects& operator=(const SiteObjects&) = delete;

  /// A connection begins; `on`: the hub has the same store.
  void connected(bool on);
  /// What the machine says.
  void send(const Message& message);
  /// What the hub says: in its turn, to the machine.
  void receive(Message message);
  void receive(FrameKind kind, const Referral& referral);

 private:
  const Hooks hooks_;
  std::atomic<bool> on_ = false;
  std::unique_ptr<StoreTurns> turns_;
  ReferenceSender sender_;
  ReferenceReceiver receiver_;
};

}  // namespace causeway
