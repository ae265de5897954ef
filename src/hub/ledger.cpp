// SPDX-License-Identifier: Apache-2.0
#include "hub/ledger.h"

#include <algorithm>

#include "core/fields.h"
#include "hub/ledger_fields.h"

namespace causeway {
namespace {

constexpr uint8_t kRecordVersion = 1;

template <class... Args>
Error misfit(fmt::format_string<Args...> format, Args&&... args) {
  return {Fault::kCorrupt,
          "the log does not fit: " + fmt::format(format, std::forward<Args>(args)...)};
}

}  // namespace

std::string_view record_name(const Record& record) {
  static constexpr std::string_view kNames[] = {
      "run started", "admitted",  "removed", "opened",         "held",   "struck",
      "closed",      "committed", "aborted", "snapshot taken", "sat out"};
  static_assert(std::size(kNames) == std::variant_size_v<Record>);
  return kNames[record.index()];
}

Bytes encode_record(const Record& record) {
  Bytes bytes;
  FieldWriter writer(bytes);
  writer(kRecordVersion);
  writer(record);
  return bytes;
}

Result<Record> decode_record(ByteSpan bytes) {
  if (bytes.empty()) return failure(Fault::kCorrupt, "a record without bytes");
  if (const auto version = static_cast<uint8_t>(bytes.front()); version != kRecordVersion)
    return failure(Fault::kRefused, "a record of version {}; this program writes {}", version,
                   kRecordVersion);
  return read_fields<Record>(bytes.subspan(1));
}

namespace {

/// Applies one kind of record. Each checks first and changes then.
struct Apply {
  Ledger& ledger;

  MemberState* member(WorkerId worker, int64_t epoch) const {
    return ledger.member(worker, epoch) == nullptr ? nullptr : &ledger.members[worker];
  }
  RoundState* round(int64_t number) const {
    const auto found = ledger.rounds.find(number);
    return found == ledger.rounds.end() ? nullptr : &found->second;
  }
  /// What a member has in rounds that are not closed does not count any more.
  void lose(WorkerId worker, const std::string& reason) const {
    for (auto& [number, round] : ledger.rounds) {
      if (round.closed) continue;
      round.held.erase(worker);
      round.lost[worker] = reason;
    }
  }

  Result<void> operator()(const RunStarted& r) const {
    if (ledger.run) return misfit("run {:x} starts twice", r.run);
    ledger.run = r;
    return {};
  }
  Result<void> operator()(const Admitted& r) const {
    if (r.epoch != ledger.epoch + 1) return misfit("epoch {} after {}", r.epoch, ledger.epoch);
    MemberState& member = ledger.members[r.worker];
    if (member.present) lose(r.worker, fmt::format("came anew, as epoch {}", r.epoch));
    std::map<int32_t, int64_t> weights = std::move(member.weights);
    member = {r.epoch, r.incarnation, true, r.offer_from, 0, {}, member.reload, std::move(weights)};
    ledger.epoch = r.epoch;
    for (auto& [number, round] : ledger.rounds)
      if (number >= r.offer_from) round.lost.erase(r.worker);
    return {};
  }
  Result<void> operator()(const Removed& r) const {
    MemberState* gone = member(r.worker, r.epoch);
    if (gone == nullptr) return misfit("worker {} of epoch {} is removed", r.worker, r.epoch);
    gone->present = false;
    gone->gone_reason = r.reason;
    gone->reload = gone->reload || r.reload;
    lose(r.worker, r.reason);
    return {};
  }
  Result<void> operator()(const Opened& r) const {
    if (r.round != ledger.opened + 1) return misfit("round {} after {}", r.round, ledger.opened);
    ledger.opened = r.round;
    ledger.rounds[r.round];
    return {};
  }
  Result<void> operator()(const Held& r) const {
    RoundState* open = round(r.round);
    MemberState* from = member(r.worker, r.epoch);
    if (open == nullptr || open->closed || open->stage != r.stage || from == nullptr ||
        open->held.contains(r.worker))
      return misfit("round {} holds worker {} of epoch {}", r.round, r.worker, r.epoch);
    open->held[r.worker] = {r.epoch, r.parcels, r.declined};
    open->lost.erase(r.worker);
    from->reload = false;
    for (const Parcel& parcel : r.parcels) from->weights[parcel.channel] = parcel.weight;
    return {};
  }
  Result<void> operator()(const Struck& r) const {
    MemberState* from = member(r.worker, r.epoch);
    if (from == nullptr) return misfit("worker {} of epoch {} is struck", r.worker, r.epoch);
    ++from->strikes;
    if (RoundState* open = round(r.round); open != nullptr && !open->closed) {
      open->held.erase(r.worker);
      open->lost[r.worker] = r.reason;
      open->struck.push_back(r.worker);
    }
    return {};
  }
  Result<void> operator()(const Closed& r) const {
    RoundState* open = round(r.round);
    if (open == nullptr || open->closed || open->stage != r.stage)
      return misfit("round {} is closed", r.round);
    for (const ClosedMember& one : r.members) {
      const auto held = open->held.find(one.worker);
      if (held == open->held.end() || held->second.epoch != one.epoch ||
          held->second.parcels != one.parcels)
        return misfit("round {} is closed with worker {}, whose offer is not held", r.round,
                      one.worker);
    }
    open->closed = r.members;
    return {};
  }
  Result<void> decide(int64_t number, DecidedRound decided) const {
    if (number != ledger.decided + 1 || round(number) == nullptr)
      return misfit("round {} is decided after {}", number, ledger.decided);
    ledger.decided = number;
    ledger.rounds.erase(number);
    ledger.decisions[number] = std::move(decided);
    return {};
  }
  Result<void> operator()(const Committed& r) const {
    const RoundState* open = round(r.round);
    if (open == nullptr || !open->closed) return misfit("round {} is committed unclosed", r.round);
    std::vector<WorkerId> members;
    for (const ClosedMember& one : *open->closed) members.push_back(one.worker);
    CW_TRY(decide(r.round, {true, r.result, {}, std::move(members)}));
    ledger.folder = r.folder;
    return {};
  }
  Result<void> operator()(const Aborted& r) const {
    return decide(r.round, {false, {}, r.reason, {}});
  }
  Result<void> operator()(const SnapshotTaken& r) const {
    if (r.round < ledger.snapshot_round || r.round > ledger.decided || r.forget > r.round)
      return misfit("a snapshot after round {} of {}", r.round, ledger.decided);
    ledger.decisions.erase(ledger.decisions.begin(), ledger.decisions.upper_bound(r.forget));
    ledger.snapshot_round = r.round;
    ledger.snapshot = r.snapshot;
    return {};
  }
  Result<void> operator()(const SatOut& r) const {
    MemberState* out = member(r.worker, r.epoch);
    if (out == nullptr) return misfit("worker {} of epoch {} sits out", r.worker, r.epoch);
    out->offer_from = std::max(out->offer_from, r.offer_from);
    return {};
  }
};

}  // namespace

Result<void> Ledger::apply(const Record& record) { return std::visit(Apply{*this}, record); }

const MemberState* Ledger::member(WorkerId worker, int64_t member_epoch) const {
  const auto found = members.find(worker);
  const bool current =
      found != members.end() && found->second.present && found->second.epoch == member_epoch;
  return current ? &found->second : nullptr;
}

Bytes Ledger::encode() const {
  Bytes bytes;
  FieldWriter writer(bytes);
  writer(kRecordVersion);
  writer(uint8_t{0});  // no record has this number
  writer(*this);
  return bytes;
}

Result<Ledger> Ledger::decode(ByteSpan bytes) {
  if (bytes.size() < 2 || static_cast<uint8_t>(bytes[0]) != kRecordVersion ||
      static_cast<uint8_t>(bytes[1]) != 0)
    return failure(Fault::kCorrupt, "no state of a hub of version {}", kRecordVersion);
  return read_fields<Ledger>(bytes.subspan(2));
}

}  // namespace causeway
