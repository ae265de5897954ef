// SPDX-License-Identifier: Apache-2.0
//
// The hub's half of the protocol, as a pure state machine. What it decides it appends to a durable
// log; whatever it says or asks for waits until all records appended before are durable. So a crash
// at any instant loses nothing that anybody was told, and recovery is: apply the log.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "exchange/hub_options.h"
#include "exchange/messages.h"
#include "hub/arrivals.h"
#include "hub/ledger.h"
#include "hub/round_schedule.h"
#include "store/log.h"
#include "store/spool.h"

namespace causeway {

struct HubSettings {
  uint64_t run = 1;   ///< names the run; not 0
  int64_t steps = 0;  ///< of the run: rounds of later steps are not opened
  Digest plan, layout;
  BlobRef genesis;             ///< the state before the first step, in the spool
  std::string build, token;    ///< what a Hello must have
  int64_t start_members = 1;   ///< that must have joined before the first round opens
  int64_t quorum_count = 1;    ///< offers that a round needs, at least
  double quorum_weight = 0.5;  ///< part of the expected members' weight that it needs
  int64_t grace_ms = 0;  ///< how long a round stays open when it has a quorum and its deadline
                         ///< is over
  int64_t deadline_ms_min = 200, deadline_ms_max = 60'000;
  double deadline_mads = 6;  ///< k: deadline = median + k MAD of arrivals seen
  int64_t lease_ms = 10'000;
  int64_t retain_rounds = 8;        ///< results kept for who missed them
  int64_t snapshot_rounds = 4;      ///< rounds between snapshots of the mirror
  int64_t log_entries_max = 1'000;  ///< then the log is replaced by its state
  int64_t strikes_max = 3;          ///< corrupt or bad offers of a member before it is sent away
  int64_t chunk_bytes = 1 << 20, window_bytes = 8 << 20;
};

/// Those that follow from the options of a run with so many workers.
HubSettings settings_from(const HubOptions& options, int32_t workers);

// ---- What it asks of its host. All of it in order; see HubHost.
struct Append {
  int64_t sequence = 0;
  Bytes record;
  bool restart = false;  ///< replaces the log so far
};
struct Send {
  Message message;
};
/// Read bytes of a blob and send them as a Chunk.
struct SendChunk {
  WorkerId to = 0;
  int64_t epoch = 0;
  BlobId blob;
  int64_t offset = 0, bytes = 0;
};
/// Make room for a parcel of an offer, or find what is there of it.
struct OpenBlob {
  BlobId blob;
  int64_t round = 0;
  Parcel parcel;
};
struct Store {
  BlobId blob;
  int64_t offset = 0;
  SharedBytes bytes;
};
struct DropBlob {
  BlobId blob;
};
/// Offers of this round may be folded as they come, from these workers.
struct Expect {
  int64_t round = 0;
  std::vector<int32_t> channels;  ///< that fire in it
  std::vector<WorkerId> workers;
};
/// Decode the whole offer and look at its values.
struct Check {
  int64_t round = 0;
  int32_t stage = 0;
  WorkerId worker = 0;
  int64_t epoch = 0;
  std::vector<Parcel> parcels;
};
struct Fold {
  int64_t round = 0;
  int32_t stage = 0;
  std::vector<int32_t> channels;  ///< that fire in it
  std::vector<ClosedMember> members;
};
/// The mirror takes a decision: rounds in order.
struct Advance {
  int64_t round = 0;
  bool committed = false;
  BlobId blob;
};
/// Store a snapshot of the mirror.
struct TakeSnapshot {};

using HubOutput = std::variant<Append, Send, SendChunk, OpenBlob, Store, DropBlob, Expect, Check,
                               Fold, Advance, TakeSnapshot>;

// ---- What the host tells it.
struct Logged {
  int64_t sequence = 0;  ///< so far the log is durable
};
struct Stored {
  BlobId blob;
  int64_t durable = 0;
};
struct StoreFailed {
  BlobId blob;
  Error error;
};
struct LogFailed {
  Error error;
};
struct Checked {
  int64_t round = 0;
  int32_t stage = 0;
  WorkerId worker = 0;
  int64_t epoch = 0;
  std::optional<Error> trouble;
};
struct Folded {
  int64_t round = 0;
  int32_t stage = 0;
  BlobRef result, folder;         ///< durable; the folder's own states, if the plan has any
  std::vector<WorkerId> damaged;  ///< whose bytes are no longer what they were: no result then
  /// No result: Fault::kIo and kRefused if there was no room for it, else none is to be had.
  std::optional<Error> trouble;
};
struct Mirrored {
  std::map<int64_t, Digest> replicated;  ///< what members have after these rounds
};
struct Snapshotted {
  int64_t round = 0;  ///< decisions after this one are needed on top of it
  BlobRef snapshot;
};

/// A blob of the hub's own is not what it was.
struct Rotten {
  BlobId blob;
};

using HubInput = std::variant<Message, Logged, Stored, StoreFailed, LogFailed, Checked, Folded,
                              Mirrored, Snapshotted, Rotten>;

/// What an output holds of the heap; a Store's bytes with it.
int64_t heap_bytes(const HubOutput& output);

/// One thread at a time. Its clock is the hub's own: any monotonic count of milliseconds.
class HubMachine final {
 public:
  static constexpr size_t kGatedPerMember =
      32;  ///< messages that wait for the log; others are lost

  /// RoundSchedule outlives the machine. `log`: what DurableLog::entries has; empty for a new run.
  /// Fault::kCorrupt if a record cannot be read.
  /// `spooled`: blobs that are there; those that nobody needs any more will be dropped.
  static Result<std::unique_ptr<HubMachine>> recover(HubSettings settings,
                                                     const RoundSchedule& schedule,
                                                     std::span<const LogEntry> log,
                                                     const std::vector<BlobId>& spooled,
                                                     int64_t now_ms);

  void on(int64_t now_ms, const HubInput& input, std::vector<HubOutput>& out);
  /// Call when wake_ms() is reached; earlier does no harm.
  void tick(int64_t now_ms, std::vector<HubOutput>& out);
  int64_t wake_ms() const { return wake_ms_; }

  /// What is decided; parts of it may not be durable yet.
  const Ledger& ledger() const { return ledger_; }
  /// All rounds of the run are decided.
  bool finished() const;
  /// The log cannot be written: nothing is decided any more. Empty if it can.
  const std::string& halted() const { return halted_; }
  /// Offers whose bytes are on their way, messages that wait for the log.
  size_t transfers() const { return transfers_.size(); }
  size_t waiting() const { return gated_.size(); }
  /// What it holds of the heap: the ledger; what waits for the log, at most kGatedPerMember for
  /// each member; transfers, leases, clocks. Offers' bytes and the model are with its host.
  int64_t memory_bytes() const;

 private:
  /// An offer whose bytes are on their way.
  struct Transfer {
    int64_t epoch = 0;
    OfferReady ready;
    bool checking = false;
    int32_t failures = 0;  // that its bytes were not what their digest says
  };
  struct Incoming {
    int64_t round = 0;
    Parcel parcel;
    int64_t received = 0, durable = 0;
    bool opened = false;
    std::string trouble;  // why the spool does not take it
    int64_t retry_ms = 0;
  };
  /// What is not worth a record.
  struct Live {
    int64_t heard_ms = 0;
    int64_t applied = 0;
    bool has_state = false;  // it said so
  };
  struct RoundClock {
    int64_t opened_ms = 0;
    std::set<WorkerId> awaited;  // expected, and neither held nor lost
    bool folding = false;
    int64_t fold_ms = 0;           // not before
    std::set<WorkerId> repairing;  // whose bytes were damaged after the close
  };
  struct Gated {
    int64_t sequence = 0;
    HubOutput output;
  };
  using Key = std::pair<int64_t, WorkerId>;

  HubMachine(HubSettings settings, const RoundSchedule& schedule);

  // hub_machine.cpp: the log and its gate, admission, leases
  void pass_time(int64_t now_ms);
  void take(const HubInput& input);
  void append(const Record& record);
  void emit(HubOutput output);
  void emit_now(HubOutput output) { out_->push_back(std::move(output)); }
  void send(WorkerId worker, int64_t epoch, Body body);
  void open_gate();
  void compact();
  void hear(const Message& message);
  void hear(WorkerId worker, const Hello& hello);
  bool needs_snapshot(const MemberState& member, const Hello& hello) const;
  void welcome(WorkerId worker, const Hello& hello);
  std::string why_refused(WorkerId worker, const Hello& hello) const;
  int64_t counted_until(WorkerId worker, int64_t applied) const;
  int64_t offer_from(WorkerId worker, int64_t applied) const;
  void remove(WorkerId worker, std::string reason, bool reload = false);
  void release(WorkerId worker);
  void watch_leases();
  void wake_by(int64_t ms) { wake_ms_ = std::min(wake_ms_, ms); }
  void plan_wake();

  // hub_offers.cpp: offers and their bytes
  void hear_offer(WorkerId worker, int64_t epoch, const OfferReady& offer);
  bool answer_known(WorkerId worker, int64_t epoch, const OfferReady& offer);
  std::string what_is_wrong(WorkerId worker, const OfferReady& offer,
                            const PlannedRound& planned) const;
  void hear_chunk(WorkerId worker, int64_t epoch, const Chunk& chunk);
  void hear_get(WorkerId worker, int64_t epoch, const Get& get);
  void hear_progress(WorkerId worker, const Progress& progress);
  void tell_decisions(WorkerId worker, int64_t after);
  void receive(WorkerId worker, int64_t round, const Parcel& parcel);
  void took(const Stored& stored);
  void took(const StoreFailed& failed);
  void took(const Checked& checked);
  void took(const Mirrored& mirrored);
  void check_if_whole(const Key& key, Transfer& transfer);
  void refuse(WorkerId worker, int64_t epoch, const OfferReady& offer, Fault fault,
              std::string reason);
  void strike(WorkerId worker, int64_t epoch, const OfferReady& offer, Fault fault,
              std::string reason);
  void hold(WorkerId worker, int64_t epoch, const OfferReady& offer);
  void drop_transfer(Key key);
  void leave_orphans(WorkerId worker, const RoundState& round, int64_t until);
  bool in_use(const BlobId& blob) const;
  void stop_fetching(WorkerId worker);
  void retry_stores();

  // hub_rounds.cpp: rounds
  void open_rounds();
  void start_clock(int64_t round);
  void forget_awaited(WorkerId worker);
  void look_at_rounds();
  void look_at(int64_t number, const RoundState& round);
  int64_t deadline_ms(const RoundClock& clock) const;
  bool has_quorum(int64_t number, const RoundState& round) const;
  int64_t present_count(int64_t number) const;
  void close(int64_t number, const RoundState& round);
  std::string absence(WorkerId worker, int64_t number, const RoundState& round) const;
  void fold_next();
  void took(const Folded& folded);
  void took(const Snapshotted& snapshotted);
  void took(const Rotten& rotten);
  void take_snapshot();
  void abort(int64_t number, std::string reason);
  void decided(int64_t number, const RoundState& round);
  void drop_orphans();

  const HubSettings settings_;
  const RoundSchedule& schedule_;
  Ledger ledger_;
  Arrivals arrivals_;
  std::string halted_;

  int64_t now_ms_ = 0, wake_ms_ = 0, lease_check_ms_ = 0;
  std::vector<HubOutput>* out_ = nullptr;
  int64_t appended_ = 0, durable_ = 0, entries_ = 0;
  std::deque<Gated> gated_;

  std::map<WorkerId, Live> live_;
  std::map<WorkerId, BlobRef> fetching_;  // snapshots, kept for joiners though newer ones are there
  std::map<Key, Transfer> transfers_;
  std::map<BlobId, Incoming> incoming_;
  std::set<BlobId> troubled_;  // of these, that the spool does not take
  std::map<int64_t, RoundClock> clocks_;
  std::map<int64_t, Digest> audits_;
  std::map<int64_t, int64_t> opened_ms_;  // of rounds that are decided, for late arrivals
  std::map<BlobId, int64_t> orphans_;     // dropped when this round is decided
  bool snapshotting_ = false;
  int64_t rotten_ = 0;  // last round whose result is damaged; its successors may be good
};

}  // namespace causeway
