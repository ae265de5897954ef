// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/hash.h"
#include "sync/exchange.h"
#include "sync/plan.h"
#include "sync/replica.h"
#include "sync/state.h"

namespace causeway {

/// What the trainer does after a hook.
enum class Go : uint8_t {
  kUpdate = 1,      ///< go on
  kSkipUpdate = 2,  ///< no gradient worth an update: leave the inner optimizer out of this step
  kWait = 3,        ///< a consensus is not there yet: let the exchange work, then call again
};

/// Bytes of encoded offers and consensus that one worker has sent and received.
struct Traffic {
  int64_t up_bytes = 0, down_bytes = 0, rounds = 0;
};

/// What an engine needs beside its states to go on after a restart.
struct EngineCounters {
  int64_t round = 0;               ///< last round launched
  std::vector<int64_t> versions;   ///< rounds applied, by channel
  std::vector<int64_t> tokens_at;  ///< tokens when the channel last fired, by channel
  Traffic traffic;
};

/// Runs a plan for one worker: a pure state machine without clock, thread or I/O; the same calls
/// give the same bits. State changes only when a round commits.
class Engine {
 public:
  /// The plan, replica and exchange outlive the engine. Reads the replica for the first anchors.
  Engine(const BoundPlan& plan, WorkerId worker, Replica& replica, Exchange& exchange);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// The trainer calls this at each hook of step `steps_done` (from 1), with the tokens it has
  /// trained so far. kWait: call again with the same arguments. All channels due here are one
  /// transaction.
  Go at(Hook hook, int64_t steps_done, int64_t tokens);

  /// States by channel, for checkpoints and audits.
  const std::vector<States>& states() const { return states_; }
  std::vector<States>& states() { return states_; }
  const EngineCounters& counters() const { return counters_; }
  void restore(EngineCounters counters);
  /// Digest of all replicated states: bit-equal on all members after a commit.
  Digest replicated_digest() const;

 private:
  struct Ticket;

  void launch(const std::vector<int32_t>& due, Hook hook, int64_t steps_done, int64_t tokens);
  Go land(Hook hook);
  void apply(const Commit& commit);

  const BoundPlan& plan_;
  const WorkerId worker_;
  Replica& replica_;
  Exchange& exchange_;
  std::vector<States> states_;
  EngineCounters counters_;

  /// What was sent for a channel, kept until the round is settled.
  struct Sent {
    int32_t channel;
    std::vector<float> prepared, decoded;  ///< empty if the channel has no feedback
  };
  struct Open {
    int64_t round;
    std::vector<int32_t> channels;
    std::vector<Sent> sent;
  };
  std::optional<Open> open_;
};

}  // namespace causeway
