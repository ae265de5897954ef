// SPDX-License-Identifier: Apache-2.0
//
// Rounds: opened, closed (the decision), folded, committed or aborted.
#include <algorithm>
#include <utility>

#include "hub/hub_machine.h"

namespace causeway {
namespace {

constexpr size_t kOpenMax = 64;    // rounds that overlap
constexpr size_t kOpenedMax = 64;  // remembered for late arrivals
constexpr int64_t kFoldRetryMs = 500;

}  // namespace

void HubMachine::open_rounds() {
  const auto present = static_cast<int64_t>(live_.size());
  if (ledger_.opened == 0 && present < settings_.start_members) return;
  while (ledger_.rounds.size() < kOpenMax) {
    const PlannedRound* next = schedule_.round(ledger_.opened + 1);
    if (next == nullptr || next->needs > ledger_.decided) return;
    append(Opened{next->round});
    start_clock(next->round);
  }
}

void HubMachine::start_clock(int64_t round) {
  RoundClock& clock = clocks_[round] = {now_ms_, {}, false, 0, {}};
  opened_ms_[round] = now_ms_;
  if (opened_ms_.size() > kOpenedMax) opened_ms_.erase(opened_ms_.begin());
  const RoundState& state = ledger_.rounds[round];
  for (const WorkerId worker : schedule_.drawn(*schedule_.round(round))) {
    const auto found = ledger_.members.find(worker);
    if (found != ledger_.members.end() && found->second.present &&
        found->second.offer_from <= round && !state.held.contains(worker) &&
        !state.lost.contains(worker))
      clock.awaited.insert(worker);
  }
  emit_now(Expect{
      round, schedule_.round(round)->channels, {clock.awaited.begin(), clock.awaited.end()}});
}

/// The member is gone, or follows from now on.
void HubMachine::forget_awaited(WorkerId worker) {
  const MemberState& member = ledger_.members[worker];
  for (auto& [number, clock] : clocks_)
    if (!member.present || member.offer_from > number) clock.awaited.erase(worker);
}

int64_t HubMachine::deadline_ms(const RoundClock&) const {
  return std::min(arrivals_.deadline_ms() + settings_.grace_ms, settings_.deadline_ms_max);
}

/// Members that are drawn for the round, whether or not they may offer in it.
int64_t HubMachine::present_count(int64_t number) const {
  const std::vector<WorkerId> drawn = schedule_.drawn(*schedule_.round(number));
  return std::count_if(drawn.begin(), drawn.end(),
                       [this](WorkerId worker) { return live_.contains(worker); });
}

bool HubMachine::has_quorum(int64_t number, const RoundState& round) const {
  int64_t count = 0;
  double here = 0, all = 0;
  for (const auto& [worker, offer] : round.held) {
    if (!offer.declined.empty()) continue;
    ++count;
    here += static_cast<double>(offer.parcels.front().weight);
  }
  if (count < settings_.quorum_count) return false;
  const double usual = here / static_cast<double>(count);
  all = here;
  for (const WorkerId worker : clocks_.at(number).awaited) {
    const auto& weights = ledger_.members.at(worker).weights;
    all += weights.empty() ? usual : static_cast<double>(weights.begin()->second);
  }
  return here >= settings_.quorum_weight * all;
}

void HubMachine::look_at_rounds() {
  std::vector<int64_t> numbers;
  for (const auto& [number, round] : ledger_.rounds) numbers.push_back(number);
  for (const int64_t number : numbers)
    if (const auto found = ledger_.rounds.find(number); found != ledger_.rounds.end())
      look_at(number, found->second);
}

/// Closes the round if all are in, or if its time is over and enough are.
void HubMachine::look_at(int64_t number, const RoundState& round) {
  RoundClock& clock = clocks_[number];
  const int64_t age_ms = now_ms_ - clock.opened_ms;
  const bool hopeless = age_ms >= settings_.deadline_ms_max;
  if (round.closed) {
    if (hopeless && !clock.repairing.empty() && number == ledger_.decided + 1)
      abort(number, fmt::format("the offer of worker {} was damaged on the hub's disk, and it did "
                                "not send it again",
                                *clock.repairing.begin()));
    return;
  }
  const bool all_in = clock.awaited.empty();
  if (!all_in && age_ms < deadline_ms(clock)) return;
  if (has_quorum(number, round)) return close(number, round);
  if (std::ssize(live_) < settings_.quorum_count) {
    // Too few to ever have a quorum: the round's time begins when there are more.
    clock.opened_ms = now_ms_;
    return;
  }
  const int64_t present = present_count(number);
  const bool in_vain = all_in && present >= settings_.quorum_count;
  if ((!in_vain && !hopeless) || number != ledger_.decided + 1) return;
  const auto good = std::count_if(round.held.begin(), round.held.end(),
                                  [](const auto& held) { return held.second.declined.empty(); });
  abort(number, fmt::format("no quorum: {} of {} members have a good offer, wanted {}", good,
                            present, settings_.quorum_count));
}

std::string HubMachine::absence(WorkerId worker, int64_t number, const RoundState& round) const {
  const MemberState& member = ledger_.members.at(worker);
  if (const auto held = round.held.find(worker); held != round.held.end())
    return "declined: " + held->second.declined;
  if (!member.present) return member.gone_reason;
  if (member.offer_from > number) return fmt::format("follows until round {}", member.offer_from);
  if (const auto lost = round.lost.find(worker); lost != round.lost.end()) return lost->second;
  const auto transfer = transfers_.find({number, worker});
  if (transfer == transfers_.end()) return "deadline passed: no offer came";
  int64_t total = 0, durable = 0;
  for (const Parcel& parcel : transfer->second.ready.parcels) {
    const auto incoming = incoming_.find({worker, parcel.digest});
    if (incoming == incoming_.end()) continue;
    if (!incoming->second.trouble.empty()) return incoming->second.trouble;
    total += incoming->second.parcel.bytes;
    durable += incoming->second.durable;
  }
  return fmt::format("deadline passed: {} of {} bytes had come", durable, total);
}

void HubMachine::close(int64_t number, const RoundState& round) {
  Closed closed{number, round.stage, {}, {}};
  for (const auto& [worker, offer] : round.held)
    if (offer.declined.empty()) closed.members.push_back({worker, offer.epoch, offer.parcels});
  const auto in = [&closed](WorkerId worker) {
    return std::binary_search(
        closed.members.begin(), closed.members.end(), ClosedMember{worker, 0, {}},
        [](const ClosedMember& a, const ClosedMember& b) { return a.worker < b.worker; });
  };
  for (const WorkerId worker : schedule_.drawn(*schedule_.round(number)))
    if (ledger_.members.contains(worker) && !in(worker))
      closed.absent.push_back({worker, absence(worker, number, round)});
  RoundClock& clock = clocks_[number];
  const std::set<WorkerId> late = std::move(clock.awaited);
  clock.awaited.clear();
  append(std::move(closed));
  for (const WorkerId worker : late) {
    const auto transfer = transfers_.find({number, worker});
    if (transfer == transfers_.end()) continue;
    const OfferReady offer = transfer->second.ready;
    const int64_t epoch = transfer->second.epoch;
    drop_transfer({number, worker});
    answer_known(worker, epoch, offer);
  }
}

void HubMachine::fold_next() {
  const int64_t number = ledger_.decided + 1;
  const auto found = ledger_.rounds.find(number);
  if (found == ledger_.rounds.end() || !found->second.closed) return;
  RoundClock& clock = clocks_[number];
  if (clock.folding || now_ms_ < clock.fold_ms) return;
  clock.folding = true;
  emit(Fold{number, found->second.stage, schedule_.round(number)->channels, *found->second.closed});
}

void HubMachine::took(const Folded& folded) {
  const auto found = ledger_.rounds.find(folded.round);
  if (found == ledger_.rounds.end() || !found->second.closed) return;
  RoundClock& clock = clocks_[folded.round];
  if (folded.trouble &&
      (folded.trouble->fault == Fault::kIo || folded.trouble->fault == Fault::kRefused)) {
    clock.folding = false;
    clock.fold_ms = now_ms_ + kFoldRetryMs;
    return;
  }
  if (folded.trouble) return abort(folded.round, folded.trouble->message);
  if (folded.damaged.empty()) {
    const RoundState round = found->second;
    const BlobRef old_folder = ledger_.folder;
    append(Committed{folded.round, folded.result, folded.folder});
    if (old_folder.bytes > 0) emit(DropBlob{{kHubOwner, old_folder.digest}});
    return decided(folded.round, round);
  }
  for (const ClosedMember& one : *found->second.closed) {
    if (std::find(folded.damaged.begin(), folded.damaged.end(), one.worker) == folded.damaged.end())
      continue;
    if (ledger_.member(one.worker, one.epoch) == nullptr)
      return abort(folded.round,
                   fmt::format("the offer of worker {} was damaged on the hub's disk, "
                               "and it is gone",
                               one.worker));
    clock.repairing.insert(one.worker);
    for (const Parcel& parcel : one.parcels) {
      receive(one.worker, folded.round, parcel);
      send(one.worker, one.epoch, Want{parcel.digest, 0});
    }
  }
}

void HubMachine::abort(int64_t number, std::string reason) {
  const RoundState round = ledger_.rounds[number];
  append(Aborted{number, std::move(reason)});
  decided(number, round);
}

/// Tells everybody, lets the mirror follow, and frees what the round held.
void HubMachine::decided(int64_t number, const RoundState& round) {
  clocks_.erase(number);
  const DecidedRound& decision = ledger_.decisions[number];
  emit(Advance{number, decision.committed, {kHubOwner, decision.result.digest}});
  for (const auto& [worker, live] : live_)
    send(worker, ledger_.members[worker].epoch,
         Decision{number, decision.committed, decision.result.digest, decision.result.bytes,
                  decision.reason, ledger_.decided});
  for (auto next = transfers_.lower_bound({number, INT32_MIN});
       next != transfers_.end() && next->first.first == number;) {
    const auto transfer = next++;
    drop_transfer(transfer->first);
  }
  for (const auto& [worker, offer] : round.held)
    for (const Parcel& parcel : offer.parcels) {
      incoming_.erase({worker, parcel.digest});
      emit(DropBlob{{worker, parcel.digest}});
    }
  drop_orphans();
  if (number - ledger_.snapshot_round >= settings_.snapshot_rounds) take_snapshot();
}

void HubMachine::take_snapshot() {
  if (snapshotting_) return;
  snapshotting_ = true;
  emit(TakeSnapshot{});
}

/// What lay in the spool when the hub started, or was left there by who came anew, and no round
/// that was open then has asked for.
void HubMachine::drop_orphans() {
  std::erase_if(orphans_, [this](const auto& orphan) {
    const auto& [blob, until] = orphan;
    if (until > ledger_.decided) return false;
    if (!incoming_.contains(blob)) emit(DropBlob{blob});
    return true;
  });
}

void HubMachine::took(const Snapshotted& snapshotted) {
  snapshotting_ = false;
  if (snapshotted.snapshot.bytes == 0 || snapshotted.round < ledger_.snapshot_round) return;
  int64_t forget =
      std::clamp<int64_t>(ledger_.decided - settings_.retain_rounds, 0, snapshotted.round);
  if (rotten_ <= snapshotted.round) forget = std::max(forget, std::exchange(rotten_, 0));
  if (snapshotted.snapshot == ledger_.snapshot && forget < ledger_.kept_from()) return;
  const BlobRef old = ledger_.snapshot.bytes > 0 ? ledger_.snapshot : settings_.genesis;
  std::vector<BlobId> results;
  for (const auto& [round, decision] : ledger_.decisions)
    if (round <= forget && decision.committed)
      results.push_back({kHubOwner, decision.result.digest});
  append(SnapshotTaken{snapshotted.round, snapshotted.snapshot, forget});
  for (const BlobId& blob : results) emit(DropBlob{blob});
  emit(DropBlob{{kHubOwner, old.digest}});
}

/// The mirror has what the blob had: a new snapshot takes its place, and who still wanted a damaged
/// result starts from that.
void HubMachine::took(const Rotten& rotten) {
  for (const auto& [round, decision] : ledger_.decisions)
    if (decision.committed && decision.result.digest == rotten.blob.digest)
      rotten_ = std::max(rotten_, round);
  if (in_use(rotten.blob)) take_snapshot();
}

}  // namespace causeway
