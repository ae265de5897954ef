// SPDX-License-Identifier: Apache-2.0
//
// What the hub has decided: records, and the state that follows from them. Nothing else decides.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "exchange/messages.h"

namespace causeway {

/// A blob of the hub's own: kHubOwner in the spool.
struct BlobRef {
  Digest digest;
  int64_t bytes = 0;  ///< 0: none
  bool operator==(const BlobRef&) const = default;
};

/// One that counts in a round.
struct ClosedMember {
  WorkerId worker = 0;
  int64_t epoch = 0;
  std::vector<Parcel> parcels;
  bool operator==(const ClosedMember&) const = default;
};

struct Absence {
  WorkerId worker = 0;
  std::string reason;
  bool operator==(const Absence&) const = default;
};

// ---- Records, in the order of their numbers on disk. A number never changes its meaning.
struct RunStarted {
  uint64_t run = 0;
  Digest plan, layout;
  BlobRef genesis;
};
/// A worker is a member; its older epochs are over.
struct Admitted {
  WorkerId worker = 0;
  int64_t epoch = 0;
  uint64_t incarnation = 0;
  int64_t offer_from = 1;
};
struct Removed {
  WorkerId worker = 0;
  int64_t epoch = 0;
  std::string reason;
  bool reload = false;  ///< its own state is not to be trusted
};
struct Opened {
  int64_t round = 0;
};
/// A whole offer is durable and was checked; or its worker declined.
struct Held {
  int64_t round = 0;
  int32_t stage = 0;
  WorkerId worker = 0;
  int64_t epoch = 0;
  std::vector<Parcel> parcels;
  std::string declined;
};
/// An offer was bad; counted against its sender.
struct Struck {
  int64_t round = 0;
  WorkerId worker = 0;
  int64_t epoch = 0;
  std::string reason;
};
/// The decision: who counts, by what. Ascending worker.
struct Closed {
  int64_t round = 0;
  int32_t stage = 0;
  std::vector<ClosedMember> members;
  std::vector<Absence> absent;
};
struct Committed {
  int64_t round = 0;
  BlobRef result, folder;
};
struct Aborted {
  int64_t round = 0;
  std::string reason;
};
/// The mirror is on disk; `round` as in Snapshotted. Results up to `forget` are no longer kept.
struct SnapshotTaken {
  int64_t round = 0;
  BlobRef snapshot;
  int64_t forget = 0;
};
/// The member follows until this round.
struct SatOut {
  WorkerId worker = 0;
  int64_t epoch = 0;
  int64_t offer_from = 0;
};

using Record = std::variant<RunStarted, Admitted, Removed, Opened, Held, Struck, Closed, Committed,
                            Aborted, SnapshotTaken, SatOut>;

std::string_view record_name(const Record& record);
Bytes encode_record(const Record& record);
/// Any bytes are safe: Fault::kCorrupt, or Fault::kRefused if they are of another version.
Result<Record> decode_record(ByteSpan bytes);

struct MemberState {
  int64_t epoch = 0;
  uint64_t incarnation = 0;
  bool present = false;
  int64_t offer_from = 1;
  int64_t strikes = 0;      ///< of this epoch
  std::string gone_reason;  ///< why it is not present
  bool reload = false;      ///< it must start from a snapshot; true until it offers again
  std::map<int32_t, int64_t> weights;  ///< last one offered, by channel
};

struct HeldOffer {
  int64_t epoch = 0;
  std::vector<Parcel> parcels;
  std::string declined;
};

struct RoundState {
  int32_t stage = 0;
  std::map<WorkerId, HeldOffer> held;
  std::map<WorkerId, std::string> lost;  ///< members that left or were struck in this round
  std::vector<WorkerId> struck;          ///< for whom this round is over, whoever comes back
  std::optional<std::vector<ClosedMember>> closed;
};

struct DecidedRound {
  bool committed = false;
  BlobRef result;
  std::string reason;             ///< if aborted
  std::vector<WorkerId> members;  ///< who counted; ascending
};

/// The state that the records lead to. A value: copies compare.
struct Ledger {
  std::optional<RunStarted> run;
  int64_t epoch = 0;    ///< last one given
  int64_t opened = 0;   ///< last round opened
  int64_t decided = 0;  ///< last round decided
  std::map<WorkerId, MemberState> members;
  std::map<int64_t, RoundState> rounds;       ///< opened, not decided
  std::map<int64_t, DecidedRound> decisions;  ///< retained
  int64_t snapshot_round = 0;
  BlobRef snapshot;  ///< none: the genesis
  BlobRef folder;

  /// A record that does not fit is Fault::kCorrupt and changes nothing.
  Result<void> apply(const Record& record);
  /// The first round whose decision is kept, and all after it.
  int64_t kept_from() const { return decisions.empty() ? decided + 1 : decisions.begin()->first; }
  /// The member whose current epoch this is, or null.
  const MemberState* member(WorkerId worker, int64_t member_epoch) const;
  /// What it holds of the heap: members; for each open round its offers, losses and, when it is
  /// closed, its members; for each decision that is kept who counted.
  int64_t memory_bytes() const;
  Bytes encode() const;
  static Result<Ledger> decode(ByteSpan bytes);
};

}  // namespace causeway
