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

/// Who gets a channel's consensus, as it is folded.
class ConsensusTaker {
 public:
  virtual ~ConsensusTaker() = default;
  /// The next values, in order.
  virtual void take(std::span<const float> values) = 0;
  /// All that was taken is void: the first value comes next.
  virtual void begin_anew() = 0;
};

/// One channel of one round, folded while its offers arrive, and given away tile by tile, in order.
/// Tiles are folded ahead, from all who are expected; when the members are decided and are others,
/// all is folded anew.
///
/// Memory: 8 bytes for each block of a member; while folding a few tiles for each thread, and in
/// each fold_rows tiles and, if these are not all, their sums. Offers stay where the caller has
/// them. One thread at a time.
class ChannelFold final {
 public:
  /// `channel` and `taker` outlive this. `expected` in any order, each once, at least one.
  ChannelFold(const BoundChannel& channel, std::vector<WorkerId> expected, ConsensusTaker& taker);

  /// Gives all of an expected worker's encoded signal that is here so far. The bytes stay valid
  /// until this worker is extended again or dropped; they may move then, and grow. If some of them
  /// were found wrong and are cut off, that must be told before others come in their place: what
  /// was folded from the lost blocks is folded anew. Each new block is decoded once, on this
  /// thread: a signal that is complete without an error can be folded. Fault::kCorrupt names the
  /// block that does not decode to finite values, or says that the weight is none or has changed,
  /// or that the signal is too long; what was good before it stays.
  Result<void> extend(WorkerId worker, int64_t weight, ByteSpan bytes);
  bool complete(WorkerId worker) const;
  /// Sum of the squares of the values decoded so far: squared_norm of each block, in order.
  double squared_norm(WorkerId worker) const;
  /// The worker will not be a member. It is not extended again.
  void drop(WorkerId worker);

  /// Folds and gives every tile that all who are expected, and not dropped, have sent.
  void fold_ahead(Threads& threads);
  /// True if every tile was given.
  bool all_given() const { return given_ == tiles_; }
  /// Whom they are folded from, ascending; 0 for weights that are not known yet.
  std::vector<Member> members() const;
  /// Gives what is left of the consensus of these members: ascending, at least one, all complete
  /// and none dropped. Fault::kCorrupt if a member's bytes have changed since they were given:
  /// `damaged` says whose, and the caller may drop it or give them again.
  Result<void> finish(std::span<const WorkerId> members, Threads& threads);
  std::optional<WorkerId> damaged() const { return damaged_; }
  /// What was given is of no use: the first tile is given next. The taker is not told.
  void restart();

  /// How often a tile was folded that had been folded before.
  int64_t tiles_refolded() const { return refolded_; }
  /// What it holds of the heap now: all of the above but the tiles of threads.
  int64_t memory_bytes() const;

  static constexpr int64_t kTilesAtOnce = 16;  ///< folded side by side, for each thread

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
  bool complete(const Row& row) const { return row.ends.size() == tiles_; }
  void forget_from(Row& row, size_t size);
  Result<bool> take_block(Row& row);
  void choose(std::vector<size_t> chosen);
  void begin_anew();
  /// Gives tiles up to this one. The lowest (row, tile) that does not decode.
  std::optional<std::pair<size_t, size_t>> give(size_t end, Threads& threads);
  std::optional<std::pair<size_t, size_t>> fold(size_t first, size_t count, Threads& threads);

  const BoundChannel& channel_;
  ConsensusTaker& taker_;
  const size_t tiles_;
  std::vector<Row> rows_;       // ascending id
  std::vector<size_t> chosen_;  // rows that are folded
  size_t given_ = 0;            // tiles, folded from those
  size_t given_before_ = 0;     // the most that were given from others
  std::vector<float> batch_, scratch_;
  std::optional<WorkerId> damaged_;
  int64_t refolded_ = 0;
};

/// The seed of codecs that draw when a consensus is encoded.
uint64_t consensus_seed(const BoundPlan& plan, int64_t round, int32_t channel);

/// The state of who folds that keeps the consensus before, for rules that want it.
inline constexpr const char* kPreviousState = "previous";

/// States of who folds a channel.
std::vector<StateSpec> folder_states(const BoundChannel& channel);

/// Which round is folded.
struct FoldedKey {
  int64_t round = 0, step = 0;
  Hook hook = Hook::kAfterUpdate;
  int32_t stage = 0;
};

/// What a fold's consensus becomes: fed back, encoded by the channel's `down`, settled. `consensus`
/// then holds what was encoded. `states` are the folder's own, of this channel. The bits depend on
/// the arguments alone.
ChannelResult encode_consensus(const BoundPlan& plan, const FoldedKey& key, int32_t channel,
                               std::vector<Member> members, std::span<float> consensus,
                               States& states);

/// What became of a round whose offers are all here.
struct FoldedRound {
  std::vector<ChannelResult> results;  ///< by channel and part; empty: nobody was folded
  std::vector<std::pair<WorkerId, std::string>> dropped;  ///< whose offers are damaged
};

/// Folds all channels of a round, all of them or none. A worker whose offer is damaged in one
/// channel is left out of all. `states` are the folder's own, by channel of the plan; they change
/// only if there are results.
FoldedRound fold_round(const BoundPlan& plan, const FoldedKey& key,
                       std::span<const int32_t> channels, std::map<WorkerId, Offer> offers,
                       std::vector<States>& states, Threads& threads);

}  // namespace causeway
