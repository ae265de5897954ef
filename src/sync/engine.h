// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/hash.h"
#include "sync/exchange.h"
#include "sync/plan.h"
#include "sync/replica.h"
#include "sync/rounds.h"
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
/// give the same bits. State changes only when a round is applied. Rounds may overlap: one that
/// fired at step t is applied at the same hook of step t + delay, each channel at its own.
class Engine {
 public:
  /// The plan, replica and exchange outlive the engine. Reads the replica for the first anchors.
  /// As kFollower it has the replicated states alone.
  Engine(const BoundPlan& plan, WorkerId worker, Replica& replica, Exchange& exchange);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// The trainer calls this at each hook of step `step` = 1, 2, ..., with the tokens it has trained
  /// so far and the step's learning rate. kWait: call again with the same arguments. What arrives
  /// here is applied before what fires here, in order of round. All channels that fire here are one
  /// offer and one decision; of those with several stages, one in each.
  Go at(Hook hook, int64_t step, int64_t tokens, double rate = 0);

  /// False if this worker trains nothing in step `step`, the next one or that which it is in: it is
  /// not drawn, or follows. To be asked before the step's first firing.
  bool trains(int64_t step) const;
  /// Between steps: the last round whose decision is needed to finish step `step`, the next one; 0
  /// if none is.
  int64_t needs(int64_t step) const;
  /// Between steps: those finished.
  int64_t steps() const { return step_; }
  /// Rounds that were launched and are not applied in full, ascending; at most one for each
  /// channel.
  std::vector<OpenRound> open() const { return {open_.begin(), open_.end()}; }
  std::vector<int64_t> open_rounds() const;

  /// States by channel, for checkpoints and audits.
  const std::vector<States>& states() const { return states_; }
  std::vector<States>& states() { return states_; }
  const EngineCounters& counters() const { return counters_; }
  void restore(EngineCounters counters);

  /// Between steps: all that another engine of this plan needs to go on, but for the replica.
  Bytes snapshot() const;
  /// The same, some of it at a time. What `write` fails with.
  Result<void> save(const std::function<Result<void>(ByteSpan)>& write) const;
  /// Between steps: takes a snapshot over, of any worker: states that it lacks become zeros. Any
  /// bytes are safe; Fault::kCorrupt if they are no snapshot of this plan, and nothing has changed.
  Result<void> restore(const ByteSource& snapshot);
  /// Between steps: the open rounds alone, for who keeps states and counters in another form.
  Bytes open_snapshot() const;
  /// Takes them over, at the edge after step `steps`, when the counters are restored. As restore.
  Result<void> restore_open(int64_t steps, ByteSpan snapshot);

  /// What it holds of the heap: states, what was sent in open rounds, one packed signal.
  int64_t memory_bytes() const;

  /// Digest of all replicated states: bit-equal on all members after a commit.
  Digest replicated_digest() const;

 private:
  /// What was sent for a channel, kept until its consensus is applied.
  struct Sent {
    int32_t channel = 0;
    std::vector<float> kept, decoded;
  };
  struct Open : OpenRound {
    int64_t tokens = 0;  ///< trained when it was launched
    std::vector<Sent> sent;
  };
  void begin(Hook hook, int64_t step);
  bool arrive(Hook hook, int64_t step);
  void launch(std::vector<int32_t> due, Hook hook, int64_t step, int64_t tokens);
  bool holds_update(Hook hook) const;
  bool offers(int32_t channel, const Open& open) const;
  Result<Part> offer(int32_t index, Open& open);
  void apply(const Commit& commit, int32_t channel_index, Open& open);
  void take(const ChannelResult& result, const Wire& wire, const Open& open);
  void resize_scratch(int64_t count);
  Result<void> read_channels(ByteSourceReader& reader, EngineCounters& counters,
                             std::vector<States>& states) const;
  void put_open(ByteWriter& writer) const;
  Result<std::deque<Open>> read_all_open(ByteSourceReader& reader, int64_t step,
                                         int64_t round) const;
  Result<Open> read_open(ByteSourceReader& reader, int64_t step) const;
  Result<std::vector<int32_t>> read_open_channels(ByteSourceReader& reader, const Open& open,
                                                  int64_t step) const;
  int64_t weight(int32_t channel, int64_t tokens) const;
  int32_t part_of(int32_t channel, const Open& open) const;
  Firing firing(int32_t channel, const Open& open) const;

  const BoundPlan& plan_;
  const WorkerId worker_;
  Replica& replica_;
  Exchange& exchange_;
  std::vector<States> states_;
  EngineCounters counters_;
  std::deque<Open> open_;  // by round
  int64_t step_ = 0;       // that `at` was last called for: between steps, those finished
  // The last hook that was begun, and what has happened at it.
  int64_t begun_step_ = 0;
  Hook begun_hook_ = Hook::kAfterUpdate;
  int32_t launched_stages_ = 0;
  bool aborted_ = false, trained_ = true;
  std::vector<int32_t> applied_;  // channels
  double rate_ = 0;               // learning rate of this step
  std::vector<float> scratch_;    // one packed signal; grows to the largest channel
};

}  // namespace causeway
