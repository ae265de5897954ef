// SPDX-License-Identifier: Apache-2.0
//
// How offers become a consensus: tile by tile (a tile is a codec's block), members in ascending id,
// so that the order of arrival and the number of threads change no bit.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/threads.h"
#include "sync/exchange.h"
#include "sync/plan.h"
#include "sync/state.h"

namespace causeway {

/// Tiles that a thread has decoded at once to fold one of so many members: a few, or all of them
/// with rules that need to see all.
int64_t fold_rows(const Rule& rule, int64_t members);

/// One channel of one round, folded while its offers arrive. Tiles are folded ahead, from all who
/// are expected; when the members are decided, what was folded from others is folded anew.
///
/// Memory: the consensus, once a tile is folded; 8 bytes for each block of a member; and while
/// folding, in each thread, fold_rows tiles and, if these are not all, their sums. Offers stay
/// where the caller has them. One thread at a time.
class ChannelFold final {
 public:
  /// `channel` outlives this. `expected` in any order, each once, at least one.
  ChannelFold(const BoundChannel& channel, std::vector<WorkerId> expected);

  /// Gives all of an expected worker's encoded signal that is here so far. The bytes stay valid
  /// until this worker is extended again or dropped; they may move then, and grow. If some of them
  /// were found wrong and are cut off, that must be told before others come in their place: what
  /// was folded from the lost blocks is folded anew. Each new block is decoded once, on this
  /// thread: a signal that is complete without an error can be folded. Fault::kCorrupt names the
  /// block that does not decode to finite values, or says that the weight is none or has changed,
  /// or that the signal is too long; what was good before it stays.
  Result<void> extend(WorkerId worker, int64_t weight, ByteSpan bytes);
  bool complete(WorkerId worker) const;
  /// Sum of the squares of the values decoded so far, in double and in order of value.
  double squared_norm(WorkerId worker) const;
  /// The worker will not be a member. It is not extended again.
  void drop(WorkerId worker);

  /// Folds every tile that all who are expected, and not dropped, have sent.
  void fold_ahead(Threads& threads);
  /// The consensus of these members: ascending, at least one, all complete and none dropped. It is
  /// given away: to finish again folds all anew. Fault::kCorrupt if a member's bytes have changed
  /// since they were given: `damaged` says whose, and the caller may drop it or give them again.
  Result<std::vector<float>> finish(std::span<const WorkerId> members, Threads& threads);
  std::optional<WorkerId> damaged() const { return damaged_; }

  /// How often a tile was folded that had been folded before.
  int64_t tiles_refolded() const { return refolded_; }
  /// What it holds of the heap now: all of the above but the tiles of threads.
  int64_t memory_bytes() const;

 private:
  struct Row {
    WorkerId id = 0;
    int64_t weight = 0;  // 0: not known yet
    bool dropped = false;
    ByteSpan bytes;
    std::vector<size_t> ends;  // of its good blocks, in bytes
    double squared_norm = 0;
  };

  Row& row_of(WorkerId worker);
  const Row& row_of(WorkerId worker) const;
  size_t tile_size(size_t tile) const;
  static ByteSpan block(const Row& row, size_t index);
  bool complete(const Row& row) const { return row.ends.size() == tiles_.size(); }
  void forget_from(Row& row, size_t size);
  Result<bool> take_block(Row& row);
  void choose(std::vector<size_t> chosen);
  /// Folds these tiles from the chosen rows. The lowest (row, tile) that does not decode.
  std::optional<std::pair<size_t, size_t>> fold(const std::vector<size_t>& tiles, Threads& threads);

  const BoundChannel& channel_;
  std::vector<Row> rows_;       // ascending id
  std::vector<size_t> chosen_;  // rows that are folded
  uint32_t choice_ = 1;         // number of that set of rows
  std::vector<uint32_t>
      tiles_;  // number of the choice that each was folded from, or kNever, kStale
  std::vector<float> consensus_, scratch_;
  std::optional<WorkerId> damaged_;
  int64_t refolded_ = 0;
};

/// What a fold's consensus becomes: fed back, encoded by the channel's `down`, settled. `consensus`
/// then holds what was encoded. `states` are the folder's own, of this channel. The bits depend on
/// the arguments alone.
ChannelResult encode_consensus(const BoundPlan& plan, int64_t round, int32_t channel,
                               std::vector<Member> members, std::span<float> consensus,
                               States& states);

/// What became of a round whose offers are all here.
struct FoldedRound {
  std::vector<ChannelResult> results;                     ///< by channel; empty: nobody was folded
  std::vector<std::pair<WorkerId, std::string>> dropped;  ///< whose offers are damaged
};

/// Folds all channels of a round, all of them or none. A worker whose offer is damaged in one
/// channel is left out of all. `states` are the folder's own, by channel of the plan; they change
/// only if there are results.
FoldedRound fold_round(const BoundPlan& plan, int64_t round, std::span<const int32_t> channels,
                       std::map<WorkerId, Offer> offers, std::vector<States>& states,
                       Threads& threads);

}  // namespace causeway
