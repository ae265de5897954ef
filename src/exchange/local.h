// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/threads.h"
#include "sync/exchange.h"
#include "sync/plan.h"
#include "sync/state.h"

namespace causeway {

/// What happened in a round, for logs.
struct RoundOutcome {
  int64_t round = 0, step = 0;
  std::vector<int32_t> channels;  ///< that fired
  std::vector<Member> members;    ///< with their weights in the first channel
  std::vector<std::pair<WorkerId, std::string>> dropped;
  int64_t up_bytes = 0, down_bytes = 0;  ///< all workers
  bool committed = false;
};

/// The exchange of replicas that share one process. Rounds may overlap. Offers wait, encoded, until
/// all expected members have launched or declined; then `pump` folds them block by block in member
/// order, so that any order of arrival and any number of threads give the same bits.
class LocalExchange final : public Exchange {
 public:
  /// `plan` outlives the exchange.
  explicit LocalExchange(const BoundPlan& plan);
  ~LocalExchange() override;

  void launch(Offer offer) override;
  Poll poll(int64_t round, WorkerId worker, const Commit*& commit) override;
  void settled(int64_t number, WorkerId worker, const Digest& replicated) override;

  /// Decides, in order of number, every round whose offers are complete: folds it, on `threads`.
  /// A round waits for those before it. Call while no worker runs.
  /// Returns what was decided since the last call, in order of round.
  std::vector<RoundOutcome> pump(Threads& threads);

  /// For an exchange that has decided nothing: the rounds up to this one were decided before a
  /// restart.
  void resume_after(int64_t round) { decided_ = round; }

  /// Between steps of all workers: the rounds that are undecided or not settled by everybody, and
  /// the number of the last that was decided; the folder's states are apart.
  Bytes snapshot() const;
  /// True if there are any.
  bool has_rounds() const;
  /// For an exchange without rounds: takes a snapshot over. Any bytes are safe; Fault::kCorrupt if
  /// they are none of this plan, and nothing has changed.
  Result<void> restore(ByteSpan snapshot);

  /// The folder's own states by channel (residuals of the downlink), for checkpoints.
  const std::vector<States>& states() const { return states_; }
  std::vector<States>& states() { return states_; }

 private:
  struct Round;
  Result<Round> read_round(ByteReader& reader) const;
  static Result<Offer> read_offer(ByteReader& reader, const Round& round);
  Result<ChannelResult> read_result(ByteReader& reader, const Round& round) const;
  void fold(Round& round, Threads& threads, RoundOutcome& outcome);

  const BoundPlan& plan_;
  std::vector<States> states_;
  mutable std::mutex mutex_;
  std::map<int64_t, Round> rounds_;
  int64_t decided_ = 0;  // the last round decided
};

}  // namespace causeway
