// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "codec/codec.h"
#include "core/plugin.h"
#include "sync/channel.h"
#include "sync/layout.h"
#include "sync/replica.h"
#include "sync/state.h"
#include "sync/virtual_clock.h"

namespace causeway {

/// One firing of a channel, as one worker sees it.
struct Firing {
  int64_t round = 0;    ///< of the run: 1, 2, ...
  int64_t version = 0;  ///< rounds of this channel applied before
  uint64_t seed = 0;    ///< for codecs that draw
  int32_t stage = 0;    ///< of the firing: 0, 1, ...
  int64_t step = 0;     ///< that the hook belongs to, from 1
  double rate = 0;      ///< learning rate of that step; a follower has none
  int32_t worker = -1;  ///< kFollower: none
  int32_t workers = 1;  ///< of the run
  uint64_t run_seed = 0;
  double share = 1;     ///< this worker's fixed weight in a mean of all, times the workers
  bool fires = true;    ///< false in `begin` of a step without a firing
  bool trained = true;  ///< in `begin`: false if this worker has no gradient of this step
  bool folded = false;  ///< this worker's offer is in the consensus
};

/// What a channel is bound to.
struct ChannelPlace {
  const Layout& layout;
  const Region& region;
  int32_t workers = 1;
  const VirtualClock& clock;  ///< outlives the plan
};

/// The region's tensors, one after the other; parts of tensors count as tensors.
std::vector<TensorCut> tensor_cuts(const Layout& layout, const Region& region);

/// The two ends of a channel. What outlives a call lies in States. Thread-safe once bound.
class Port {
 public:
  virtual ~Port() = default;

  /// Called once, before everything below. Null unless something is wrong; then what.
  virtual std::string bind(const ChannelPlace&) { return {}; }
  /// Exchanges that one firing takes, each a round of its own.
  virtual int32_t stages() const { return 1; }
  /// What a stage sends: its size is the sum of these.
  virtual std::vector<TensorCut> signal(const ChannelPlace& place, int32_t stage) const;

  /// States of a channel whose region has `count` values.
  virtual std::vector<StateSpec> states(int64_t count) const = 0;
  /// State of the replica that it reads and writes; it must exist.
  virtual std::string_view reads() const = 0;
  /// True if the channel may fire at `hook`.
  virtual bool fits(Hook hook) const = 0;
  /// False if what a consensus leaves behind differs from worker to worker, or can be known only
  /// where a replica trains: then no silent member can follow.
  virtual bool follows() const { return reads() != "g"; }

  /// True if the gradient is kept back until a consensus gives it: steps without one update
  /// nothing.
  virtual bool holds_updates() const { return false; }
  /// True if the gradient that it writes is the step itself, which no clip may shorten.
  virtual bool unclipped() const { return false; }
  /// True if `begin` is wanted at the channel's hook of every step, not at firings alone.
  virtual bool watches() const { return false; }

  /// Sets the first states from the replica, once, before the first step of a run.
  virtual void start(const Region& region, const Replica& replica, States& states) const = 0;
  /// Before anything arrives or is offered at a firing: a local step of the method, of no
  /// consensus. Never on a follower.
  virtual void begin(const Firing&, const Region&, Replica&, States&) const {}
  /// Writes the values to send. Only reads.
  virtual void offer(const Firing& firing, const Region& region, const Replica& replica,
                     const States& states, std::span<float> signal) const = 0;
  /// What the offer counts, where the channel's weight is `weight`.
  virtual int64_t weight(const States&, int64_t weight) const { return weight; }

  /// True if `settle` is wanted.
  virtual bool settles() const { return false; }
  /// Once, when a round that folded this worker's offer is committed, before `apply`: `sent` is
  /// what the offer decoded to.
  virtual void settle(const Firing&, const Region&, std::span<const float> /*sent*/,
                      States&) const {}

  /// True if `apply` wants the whole consensus at once, not part by part.
  virtual bool whole() const { return false; }
  /// Takes a part of the consensus in: `consensus` are the values of `region`, which is a part of
  /// the channel's, and `states` the same part of its states; or all of both. Runs once for each
  /// part of a committed round, in order; cannot fail. So a port that is not whole acts value by
  /// value.
  virtual void apply(const Firing& firing, const Region& region, std::span<const float> consensus,
                     const StatesPart& states, Replica& replica) const = 0;
  /// After the last part.
  virtual void applied(Replica&) const {}
};

Entries<Port> ports();

/// What an encoding loses, and how it is made good. Stateless; thread-safe.
class Feedback {
 public:
  virtual ~Feedback() = default;
  virtual std::vector<StateSpec> states(int64_t count, Holder holder) const = 0;
  /// Values to keep from `prepare` to `settle`.
  virtual int64_t kept_values(int64_t) const { return 0; }
  /// Turns the signal into what will be encoded, and fills `kept`. Only reads states.
  virtual void prepare(const Firing& firing, const States& states, std::span<float> signal,
                       std::span<float> kept) const = 0;
  /// Once, when the round that folded this offer is committed: `sent` is what was decoded.
  virtual void settle(std::span<const float> kept, std::span<const float> sent,
                      States& states) const = 0;
  /// True if what is sent is a change, which `integrate` adds up.
  virtual bool integrates() const { return false; }
  /// Turns a part of the consensus into what the port takes in; `states` are the same part.
  virtual void integrate(std::span<float>, const StatesPart&) const {}
};

Entries<Feedback> feedbacks();

/// A firing as a group sees it.
struct Gathering {
  int64_t steps_done = 0;  ///< when the round ends
  int32_t stage = 0;
  int32_t workers = 1;
  uint64_t seed = 0;
};

/// Who takes part in a round: pure, so that every party computes the same answer.
class Group {
 public:
  virtual ~Group() = default;
  /// Called once, before everything below. `period`: the channel's.
  virtual void bind(const VirtualClock&, int64_t /*period*/) {}
  virtual void seed(uint64_t /*run_seed*/) {}
  /// False if a firing that the channel's period names does not take place.
  virtual bool fires(int64_t /*steps_done*/) const { return true; }
  /// True if `fires` is not always; then at least so many steps lie between two firings.
  virtual bool paces() const { return false; }
  virtual int64_t least_gap() const { return 1; }
  /// Sorted ids out of 0 ... workers - 1, at least one, for the round that ends when `steps_done`
  /// steps are finished. Constant between two firings of a channel, so that who is not drawn can
  /// leave out the steps between them; or, if not `rests`, whatever is wanted.
  virtual std::vector<int32_t> members(const Gathering& gathering) const = 0;
  /// True if who is not drawn trains nothing.
  virtual bool rests() const { return false; }
  /// True if a round has several parts, each with a consensus of its own.
  virtual bool parted() const { return false; }
  /// Those parts: disjoint, each sorted, together the members.
  virtual std::vector<std::vector<int32_t>> parts(const Gathering& gathering) const {
    return {members(gathering)};
  }
};

Entries<Group> groups();

}  // namespace causeway
