// SPDX-License-Identifier: Apache-2.0
//
// Does what the hub's machine asks of its surroundings: log, spool, checking, folding, mirror. It
// is told when to begin and when to finish, so that a simulation can let time pass, or a machine
// die, in between.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "core/hash.h"
#include "core/threads.h"
#include "exchange/fold.h"
#include "hub/hub_machine.h"
#include "hub/result_stream.h"
#include "store/log.h"
#include "store/spool.h"
#include "sync/mirror.h"

namespace causeway {

/// One thread at a time.
class HubHost {
 public:
  struct Gates {
    double norm_max = 0;  ///< of an offer's decoded channel; 0: any finite one
  };
  /// All outlive the host.
  HubHost(const BoundPlan& plan, int64_t layout_count, DurableLog& log, Spool& spool,
          Threads& threads, Gates gates);
  ~HubHost();

  /// Reads the log and makes the machine; rebuilds mirror and folder states from blobs.
  /// Fault::kCorrupt or kIo with what is wrong and what to do.
  Result<std::unique_ptr<HubMachine>> recover(const HubSettings& settings,
                                              const RoundSchedule& schedule, int64_t now_ms);

  /// Begins what was asked: written, not yet durable. Send is not for the host.
  void start(const HubOutput& output);
  /// Ends it: durable, computed. What the machine is to be told, or nothing. In the order of start.
  std::optional<HubInput> finish(const HubOutput& output);
  /// For SendChunk: the bytes, fewer at the blob's end. Reads a piece of a blob and keeps the one
  /// read last, which all who are there then share. Fault::kCorrupt: tell the machine Rotten.
  Result<SharedBytes> chunk(const SendChunk& request);

  /// What it holds of the heap now: mirror, the folder's own states, results that are not applied,
  /// offers' folds, the piece of a blob that was served last. While it works also what
  /// hub_memory.h has as `passing`.
  int64_t memory_bytes() const;
  /// Null if the plan cannot be mirrored.
  const Mirror* mirror() const { return mirror_.get(); }
  /// How often a tile was folded anew, as the members were not those expected.
  int64_t tiles_refolded() const { return tiles_refolded_; }

 private:
  /// A round whose offers come.
  struct RoundFold {
    RoundFold(const BoundPlan& plan, int64_t round, const std::vector<States>& states, Spool& spool)
        : stream(plan, round, states, spool) {}
    ResultStream stream;
    std::set<WorkerId> expected;
    std::map<WorkerId, std::vector<Parcel>> offers;  // what is known of them
    std::map<int32_t, ChannelFold> channels;         // give to the stream
  };

  /// What came of a blob in this process's life, from its first byte on, while it was in memory.
  struct Arrival {
    int64_t bytes = 0;
    Hasher hasher;
  };

  /// A piece of a blob.
  struct Served {
    BlobId blob;
    int64_t offset = 0;
    SharedBytes bytes;
  };

  void begin(const Append& append);
  void begin(const OpenBlob& open);
  void begin(const Store& store);
  void begin(const DropBlob& drop);
  void begin(const Expect& expect);
  std::optional<HubInput> end(const Append& append);
  std::optional<HubInput> end(const OpenBlob& open);
  std::optional<HubInput> end(const Store& store);
  std::optional<HubInput> end(const Check& request);
  std::optional<HubInput> end(const Fold& request);
  std::optional<HubInput> end(const Advance& advance);
  std::optional<HubInput> end(const TakeSnapshot& snapshot);

  std::optional<HubInput> synced(const BlobId& blob);
  Result<void> check_digest(const BlobId& blob);
  Result<void> extend(RoundFold& fold, WorkerId worker, const Parcel& parcel);
  ChannelFold& channel_fold(RoundFold& fold, int32_t index);
  static void expect_also(RoundFold& fold, WorkerId worker);
  /// Null if there is none of the channel.
  static const Parcel* parcel_of(const std::vector<Parcel>& parcels, int32_t channel);
  Result<void> check(const Check& check);
  RoundFold& round_of(int64_t number);
  void fold_ahead(int64_t number, RoundFold& round);
  static void begin_anew(RoundFold& round);
  bool is_whole(RoundFold& round, const ClosedMember& member);
  Result<void> fold(const Fold& request, std::vector<WorkerId>& damaged);
  Result<void> fold_channels(const Fold& request, RoundFold& round, std::vector<WorkerId>& damaged);
  void cut_back(const Fold& request, const std::vector<WorkerId>& damaged);
  Result<void> read_through(const Commit& commit);
  Result<BlobRef> keep(const Bytes& bytes);
  Result<std::shared_ptr<const Commit>> read_result(const BlobId& blob, int64_t round);
  Result<void> recover_mirror(const HubSettings& settings, const Ledger& ledger);

  const BoundPlan& plan_;
  const int64_t layout_count_;
  DurableLog& log_;
  Spool& spool_;
  Threads& threads_;
  const Gates gates_;
  std::unique_ptr<Mirror> mirror_;
  std::vector<States> states_;  // the folder's own, by channel, after the last committed round
  std::optional<ResultStream::Kept> next_;  // the round that was folded last
  int64_t decided_ = 0;                     // last round that it was told of
  std::map<int64_t, RoundFold> rounds_;
  std::optional<Error> log_trouble_;
  std::map<BlobId, Error> blob_troubles_;
  Served served_;
  int64_t snapshot_bytes_ = 0;  // of the last one
  int64_t looked_at_bytes_ = 0;
  std::map<BlobId, Arrival> arrivals_;
  int64_t tiles_refolded_ = 0;
};

}  // namespace causeway
