// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "exchange/messages.h"
#include "hub/ledger.h"

namespace causeway {

class World;

/// Where a node is in its life.
enum class Life : uint8_t {
  kBooted = 1,
  kCrashed = 2,  ///< its process and what was not on its disk are gone
  kPaused = 3,
  kResumed = 4,
  kGone = 5,    ///< a worker that was refused or has left
  kJoined = 6,  ///< a worker has started from the hub's snapshot
};

inline constexpr WorkerId kHubNode = -1;

/// Sees everything that happens in a world, and changes nothing. Called from the world's thread;
/// references hold during the call.
class Observer {
 public:
  virtual ~Observer() = default;
  /// After every event.
  virtual void on_event(const World&) {}
  /// A message has arrived and was decoded; its receiver takes it next.
  virtual void on_message(const World&, const Message& /*message*/, bool /*from_hub*/) {}
  /// The hub has decided this. `incarnation` counts its starts, from 1.
  virtual void on_record(const World&, const Record&, int64_t /*sequence*/,
                         int64_t /*incarnation*/) {}
  /// The hub's log was replaced by its state, as entry `sequence`.
  virtual void on_compaction(const World&, int64_t /*sequence*/, int64_t /*incarnation*/) {}
  /// The hub was told that its log is durable up to this entry; or has read it up to there when it
  /// starts: entries after it are gone.
  virtual void on_durable(const World&, int64_t /*sequence*/, int64_t /*incarnation*/) {}
  /// A worker has applied a round, or knows of its abort.
  virtual void on_settled(const World&, WorkerId, int64_t /*round*/, const Digest& /*replicated*/,
                          bool /*committed*/) {}
  virtual void on_life(const World&, WorkerId /*or kHubNode*/, Life) {}
  /// What is wrong, if anything: it ends the world. Asked after every event.
  virtual std::string_view complaint() const { return {}; }
};

}  // namespace causeway
