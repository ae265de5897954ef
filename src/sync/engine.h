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

  /// The trainer calls this at each hook of step `step` = 1, 2, ..., with the tokens it has trained
  /// so far. kWait: call again with the same arguments. All channels due here are one transaction.
  Go at(Hook hook, int64_t step, int64_t tokens);

  /// States by channel, for checkpoints and audits.
  const std::vector<States>& states() const { return states_; }
  std::vector<States>& states() { return states_; }
  const EngineCounters& counters() const { return counters_; }
  void restore(EngineCounters counters);
  /// Digest of all replicated states: bit-equal on all members after a commit.
  Digest replicated_digest() const;

 private:
  /// What was sent for a channel, kept until the round is settled.
  struct Sent {
    int32_t channel = 0;
    std::vector<float> prepared, decoded;
  };
  /// A round that was launched and is not settled.
  struct Open {
    int64_t round = 0;
    int64_t tokens = 0;
    std::vector<int32_t> channels;
    std::vector<Sent> sent;
  };

  void launch(std::vector<int32_t> due, Hook hook, int64_t step, int64_t tokens);
  Result<Part> offer(int32_t index, int64_t tokens, std::vector<Sent>& sent);
  void apply(const Commit& commit);
  void resize_scratch(int64_t count);
  int64_t weight(int32_t channel, int64_t tokens) const;
  Firing firing(int32_t channel) const;

  const BoundPlan& plan_;
  const WorkerId worker_;
  Replica& replica_;
  Exchange& exchange_;
  std::vector<States> states_;
  EngineCounters counters_;
  std::optional<Open> open_;
  std::vector<float> scratch_;  // one packed signal; grows to the largest channel
};

}  // namespace causeway
