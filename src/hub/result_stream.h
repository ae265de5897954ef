// SPDX-License-Identifier: Apache-2.0
//
// A round's result on its way to the disk: encoded and written while its tiles are folded, so that
// a hub holds no model for it, and has little left to do when the last offer is in.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "codec/signal.h"
#include "exchange/commit_blob.h"
#include "exchange/fold.h"
#include "hub/ledger.h"
#include "store/spool.h"

namespace causeway {

/// One round. Channels come one after the other, in the order that they were given in. One thread
/// at a time.
class ResultStream {
 public:
  static constexpr int64_t kSmallBytes = int64_t{4} << 20;  ///< a result that stays in memory
  static constexpr int64_t kPieceBytes = int64_t{1} << 20;  ///< written at once

  /// All outlive it. `states`: the folder's own, by channel of the plan, as the round before has
  /// left them.
  ResultStream(const BoundPlan& plan, int64_t round, const std::vector<States>& states,
               Spool& spool);
  ~ResultStream();

  /// Which channels the round has, in the order of the plan.
  void expect(std::vector<int32_t> channels) { channels_ = std::move(channels); }
  const std::vector<int32_t>& channels() const { return channels_; }
  /// For the channel's fold; only that of `current` may be given to. Stays where it is.
  ConsensusTaker& taker(int32_t channel);
  /// The channel that comes now; none when all are there.
  std::optional<int32_t> current() const;
  /// The current channel was given whole, from these members.
  void end_channel(std::vector<Member> members);
  /// Something that was taken is void, or nothing was yet: the caller lets every fold begin anew.
  bool spoilt() const { return spoilt_; }
  void spoil() { spoilt_ = true; }
  /// Before the first value is taken, and then whenever it is spoilt.
  void begin_anew();

  struct Kept {
    BlobRef result;
    Commit commit;               ///< in memory if it is small; else it is read from the spool
    std::vector<States> states;  ///< the folder's own, after this round
  };
  /// All channels are there. Durable when it returns. Fault::kIo, or kRefused if there is no room:
  /// the stream begins anew.
  Result<Kept> finish();

  /// What it holds of the heap: the folder's states, a megabyte of the result or as much as it has,
  /// all of a small one, all of a channel that feeds back.
  int64_t memory_bytes() const;

 private:
  class Lane;

  void append(ByteSpan bytes);
  void flush();

  const BoundPlan& plan_;
  const int64_t round_;
  std::vector<int32_t> channels_;
  const std::vector<States>& states_before_;
  std::vector<States> states_;
  Spool& spool_;
  std::map<int32_t, std::unique_ptr<Lane>> lanes_;
  size_t current_ = 0;
  bool spoilt_ = true;
  std::optional<Error> trouble_;
  std::unique_ptr<BlobWriter> writer_;
  std::optional<CommitIndex> index_;
  Bytes buffer_;  // not yet written
  Bytes small_;   // all of it, while it is small
  int64_t bytes_ = 0, channel_bytes_ = 0;
};

}  // namespace causeway
