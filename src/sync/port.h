// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/plugin.h"
#include "sync/channel.h"
#include "sync/replica.h"
#include "sync/state.h"

namespace causeway {

/// One firing of a channel.
struct Firing {
  int64_t round = 0;    ///< of the run: 1, 2, ...
  int64_t version = 0;  ///< rounds of this channel applied before
  uint64_t seed = 0;    ///< for codecs that draw
};

/// The two ends of a channel. Stateless: what outlives a call lies in States. Thread-safe.
class Port {
 public:
  virtual ~Port() = default;

  /// States of a channel whose region has `count` values.
  virtual std::vector<StateSpec> states(int64_t count) const = 0;
  /// State of the replica that it reads; it must exist.
  virtual std::string_view reads() const = 0;
  /// True if the channel may fire at `hook`.
  virtual bool fits(Hook hook) const = 0;
  /// Sets the first states from the replica, once, before the first step of a run.
  virtual void start(const Region& region, const Replica& replica, States& states) const = 0;
  /// Writes region.count() values to send. Only reads.
  virtual void offer(const Region& region, const Replica& replica, const States& states,
                     std::span<float> signal) const = 0;
  /// Takes a part of the consensus in: `consensus` are the values of `region`, which is a part of
  /// the channel's, and `states` the same part of its states. Runs once for each part of a
  /// committed round, in order; cannot fail. So a port acts value by value.
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
  /// Turns the signal into what will be encoded. Only reads states.
  virtual void prepare(const States& states, std::span<float> signal) const = 0;
  /// Once, when the round that folded this offer is committed: `sent` is what `prepared` decoded
  /// to.
  virtual void settle(std::span<const float> prepared, std::span<const float> sent,
                      States& states) const = 0;
};

Entries<Feedback> feedbacks();

/// Who takes part in a round: pure, so that every party computes the same answer.
class Group {
 public:
  virtual ~Group() = default;
  /// Sorted ids out of 0 ... workers - 1, at least one, for the round that ends when `steps_done`
  /// steps are finished. Constant between two firings of a channel, so that who is not drawn can
  /// leave out the steps between them.
  virtual std::vector<int32_t> members(int64_t steps_done, int32_t workers,
                                       uint64_t seed) const = 0;
};

Entries<Group> groups();

}  // namespace causeway
