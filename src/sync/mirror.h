// SPDX-License-Identifier: Apache-2.0
//
// The silent member of a run: where offers are folded, it keeps all that members share, so that it
// is the run's checkpoint and what a joiner starts from. It has what a consensus writes:
// parameters, moments that are averaged, anchors, outer momenta. What no consensus writes (inner
// moments under `diloco`, residuals) a joiner starts from zero.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sync/engine.h"

namespace causeway {

/// Fails, with the reason, if a plan's consensus cannot be followed without training: a mean
/// gradient acts through the inner optimizer, which only workers have.
Result<void> can_mirror(const BoundPlan& plan);

/// States of replicas that a mirror keeps: x and what a consensus writes. Sorted.
std::vector<std::string> mirrored_states(const BoundPlan& plan);

/// One thread at a time. The plan outlives it.
class Mirror final {
 public:
  /// Stands where a run begins: `first` is any replica at step 0. `count`: values of the layout.
  /// The plan can be mirrored.
  Mirror(const BoundPlan& plan, int64_t count, const Replica& first);
  ~Mirror();
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  /// Stands where the mirror stood that was saved. Rounds from oldest_open() on must be decided
  /// again: round() is the one before it. Any bytes are safe; Fault::kCorrupt.
  static Result<std::unique_ptr<Mirror>> open(const BoundPlan& plan, int64_t count,
                                              const ByteSource& snapshot);

  /// What was decided in round round() + 1: its commit, or null if it was aborted. Then goes on
  /// through all steps that can be finished, to the end of the last one in which a decided round is
  /// applied, and not beyond: a joiner trains from there.
  void decide(int64_t round, std::shared_ptr<const Commit> commit);

  /// The run has so many steps: what would be applied after them never is. From now on.
  void end_at(int64_t steps) { last_step_ = steps; }

  int64_t steps() const;
  int64_t round() const;  ///< the last that was decided here
  /// The first round that is not applied in full. A joiner needs the decisions from here on.
  int64_t oldest_open() const;
  /// What members have as digest of their replicated states when they have settled these rounds:
  /// those settled here since the last call.
  std::map<int64_t, Digest> take_settled();
  /// That of a member which has finished the same steps.
  Digest replicated_digest() const;
  /// Of all values of a state of the replica.
  Digest digest_of_state(const std::string& state) const;
  /// Gives a snapshot away piece by piece: all but the engine's part, anchors and outer momenta, is
  /// not copied. Ends with the first failure of `write`.
  Result<void> save(const std::function<Result<void>(ByteSpan)>& write) const;
  /// The whole of it.
  Bytes snapshot() const;
  /// What it holds of the heap: the states that it keeps, the engine's (anchors, outer momenta, one
  /// packed signal of the largest channel), decisions that are not applied yet.
  int64_t memory_bytes() const;

 private:
  class FlatReplica;
  class Decisions;

  Mirror(const BoundPlan& plan, std::unique_ptr<FlatReplica> replica);
  int64_t reach() const;

  const BoundPlan& plan_;
  const std::unique_ptr<FlatReplica> replica_;
  const std::unique_ptr<Decisions> decisions_;
  Engine engine_;
  int64_t round_ = 0, last_step_ = INT64_MAX;
};

/// Where a joiner stands.
struct Joined {
  int64_t steps = 0;  ///< finished
  int64_t round = 0;  ///< all rounds up to it are applied: decisions are needed from the next on
};

/// Makes `replica` and `engine`, of any age, those of a member that stands where the mirror of the
/// snapshot stood. Its tokens count from 0. Any bytes are safe; Fault::kCorrupt if they are no
/// snapshot for this plan and this replica: both are then unchanged.
Result<Joined> join(ByteSpan snapshot, const BoundPlan& plan, Replica& replica, Engine& engine);

}  // namespace causeway
