// SPDX-License-Identifier: Apache-2.0
//
// Offers: what is announced, what of it has come, what it is worth.
#include <algorithm>

#include "aggregate/rule.h"
#include "codec/signal.h"
#include "hub/hub_machine.h"

namespace causeway {
namespace {

constexpr int64_t kStoreRetryMs = 500;
constexpr int32_t kFailuresMax = 3;   // of one offer's bytes, before it counts against its sender
constexpr int64_t kDecisionsMax = 8;  // told at a time
constexpr size_t kAuditsMax = 64;

}  // namespace

void HubMachine::refuse(WorkerId worker, int64_t epoch, const OfferReady& offer, Fault fault,
                        std::string reason) {
  send(worker, epoch,
       OfferRefused{offer.round, offer.stage, fault, std::move(reason),
                    ledger_.members[worker].offer_from});
}

/// Counts a bad offer against its sender; too many, and it has to go.
void HubMachine::strike(WorkerId worker, int64_t epoch, const OfferReady& offer, Fault fault,
                        std::string reason) {
  drop_transfer({offer.round, worker});
  if (const auto round = ledger_.rounds.find(offer.round); round != ledger_.rounds.end())
    leave_orphans(worker, round->second, ledger_.decided + 1);
  append(Struck{offer.round, worker, epoch, reason});
  if (const auto clock = clocks_.find(offer.round); clock != clocks_.end())
    clock->second.awaited.erase(worker);
  refuse(worker, epoch, offer, fault, reason);
  if (ledger_.members[worker].strikes >= settings_.strikes_max)
    remove(worker, fmt::format("{} bad offers, the last: {}", settings_.strikes_max, reason));
}

/// Offers of rounds that are closed, not open yet, or held already.
bool HubMachine::answer_known(WorkerId worker, int64_t epoch, const OfferReady& offer) {
  const auto counted = [&](const auto& members) {
    return std::any_of(members.begin(), members.end(), [&](const auto& one) {
      if constexpr (std::is_same_v<std::decay_t<decltype(one)>, ClosedMember>)
        return one.worker == worker;
      else
        return one == worker;
    });
  };
  const MemberState& member = ledger_.members[worker];
  bool over = false, counts = false, late = false;
  if (const auto open = ledger_.rounds.find(offer.round); open != ledger_.rounds.end()) {
    over = open->second.closed.has_value();
    counts = over ? counted(*open->second.closed) : open->second.held.contains(worker);
    late = over;
  } else if (offer.round > ledger_.opened) {
    return true;  // said again when the round is open
  } else {
    const auto decided = ledger_.decisions.find(offer.round);
    const bool kept = decided != ledger_.decisions.end();
    over = true;
    counts = kept && counted(decided->second.members);
    // An echo of what it has long applied, or of what nobody remembers, says nothing of where it
    // is.
    late = kept && decided->second.committed && offer.round > live_[worker].applied;
  }
  if (counts) {
    send(worker, epoch, OfferHeld{offer.round, offer.stage});
    return true;
  }
  if (!over && offer.round >= member.offer_from) return false;
  if (late && member.offer_from <= offer.round) {
    if (const auto opened = opened_ms_.find(offer.round); opened != opened_ms_.end())
      arrivals_.add(now_ms_ - opened->second);
    append(SatOut{worker, epoch, ledger_.opened + 1});
    forget_awaited(worker);
  }
  refuse(worker, epoch, offer, Fault::kTimeout,
         over ? fmt::format("round {} is closed", offer.round)
              : fmt::format("follows until round {}", member.offer_from));
  return true;
}

std::string HubMachine::what_is_wrong(WorkerId worker, const OfferReady& offer,
                                      const PlannedRound& planned) const {
  if (offer.step != planned.step || offer.hook != planned.hook || offer.stage != 0)
    return fmt::format("round {} belongs to step {}, not {}", offer.round, planned.step,
                       offer.step);
  if (!offer.declined.empty()) return {};
  size_t next = 0;
  for (const int32_t channel : planned.channels) {
    if (!schedule_.drawn(planned, channel, worker)) continue;
    const BoundChannel& bound = schedule_.plan().channels()[static_cast<size_t>(channel)];
    if (next == offer.parcels.size() || offer.parcels[next].channel != channel)
      return fmt::format("channel `{}` is missing", bound.spec.name);
    const Parcel& parcel = offer.parcels[next++];
    if (parcel.weight < 1 || parcel.weight > kWeightMax)
      return fmt::format("channel `{}` has weight {}", bound.spec.name, parcel.weight);
    const int64_t most = signal_bytes_max(*bound.up, bound.count);
    if (parcel.bytes < 1 || parcel.bytes > most)
      return fmt::format("channel `{}` has {} bytes; at most {} are right", bound.spec.name,
                         parcel.bytes, most);
  }
  if (next != offer.parcels.size()) return "it has channels that do not fire";
  if (next == 0) return fmt::format("worker {} was not drawn", worker);
  return {};
}

void HubMachine::hear_offer(WorkerId worker, int64_t epoch, const OfferReady& offer) {
  const PlannedRound* planned = schedule_.round(offer.round);
  if (planned == nullptr)
    return strike(worker, epoch, offer, Fault::kBadInput,
                  fmt::format("there is no round {}", offer.round));
  if (answer_known(worker, epoch, offer)) return;
  if (ledger_.rounds[offer.round].lost.contains(worker) &&
      !clocks_[offer.round].awaited.contains(worker))
    return refuse(worker, epoch, offer, Fault::kRefused, ledger_.rounds[offer.round].lost[worker]);
  if (std::string wrong = what_is_wrong(worker, offer, *planned); !wrong.empty())
    return strike(worker, epoch, offer, Fault::kBadInput, std::move(wrong));
  if (!offer.declined.empty()) return hold(worker, epoch, offer);
  const Key key{offer.round, worker};
  const auto [found, fresh] = transfers_.try_emplace(key, Transfer{epoch, offer, false, 0});
  if (!fresh && found->second.ready.parcels != offer.parcels)
    return strike(worker, epoch, offer, Fault::kBadInput, "two offers for one round");
  for (const Parcel& parcel : offer.parcels) {
    const BlobId blob{worker, parcel.digest};
    const auto incoming = incoming_.find(blob);
    if (incoming == incoming_.end())
      receive(worker, offer.round, parcel);
    else if (incoming->second.opened)
      send(worker, epoch, ChunkHeld{parcel.digest, incoming->second.durable});
  }
}

void HubMachine::hold(WorkerId worker, int64_t epoch, const OfferReady& offer) {
  append(Held{offer.round, offer.stage, worker, epoch, offer.parcels, offer.declined});
  RoundClock& clock = clocks_[offer.round];
  clock.awaited.erase(worker);
  arrivals_.add(now_ms_ - clock.opened_ms);
  send(worker, epoch, OfferHeld{offer.round, offer.stage});
}

// ---- Bytes.

void HubMachine::receive(WorkerId worker, int64_t round, const Parcel& parcel) {
  const BlobId blob{worker, parcel.digest};
  incoming_[blob] = {round, parcel, 0, 0, false, {}, 0};
  emit_now(OpenBlob{blob, round, parcel});
}

void HubMachine::hear_chunk(WorkerId worker, int64_t epoch, const Chunk& chunk) {
  const BlobId blob{worker, chunk.blob};
  const auto found = incoming_.find(blob);
  if (found == incoming_.end() || !found->second.opened) return;
  Incoming& incoming = found->second;
  const int64_t size = chunk.bytes.size();
  // A window is kept in memory until it is durable, and not more, whatever the sender believes.
  const bool fits = size > 0 && size <= settings_.chunk_bytes &&
                    size <= incoming.parcel.bytes - incoming.received &&
                    size <= incoming.durable + settings_.window_bytes - incoming.received;
  if (chunk.offset == incoming.received && fits) {
    incoming.received += chunk.bytes.size();
    return emit_now(Store{blob, chunk.offset, chunk.bytes});
  }
  if (chunk.offset != incoming.received)
    send(worker, epoch, ChunkHeld{chunk.blob, incoming.durable});
}

void HubMachine::took(const Stored& stored) {
  const auto found = incoming_.find(stored.blob);
  if (found == incoming_.end()) return;
  Incoming& incoming = found->second;
  // Several chunks that were made durable at once are acknowledged once.
  const bool news = !incoming.opened || incoming.durable != stored.durable;
  if (!incoming.opened) incoming.received = stored.durable;
  incoming.opened = true;
  incoming.trouble.clear();
  troubled_.erase(stored.blob);
  incoming.durable = stored.durable;
  incoming.received = std::max(incoming.received, stored.durable);
  const WorkerId worker = stored.blob.owner;
  if (const auto member = ledger_.members.find(worker);
      news && member != ledger_.members.end() && member->second.present)
    send(worker, member->second.epoch, ChunkHeld{stored.blob.digest, stored.durable});
  if (incoming.durable < incoming.parcel.bytes) return;
  for (auto& [number, clock] : clocks_) {
    const auto transfer = transfers_.find({number, worker});
    if (transfer != transfers_.end()) check_if_whole(transfer->first, transfer->second);
    if (clock.repairing.erase(worker) > 0) clock.folding = false;
  }
}

void HubMachine::took(const StoreFailed& failed) {
  const auto found = incoming_.find(failed.blob);
  if (found == incoming_.end()) return;
  found->second.opened = false;
  found->second.trouble = failed.error.message;
  found->second.retry_ms = now_ms_ + kStoreRetryMs;
  troubled_.insert(failed.blob);
}

void HubMachine::retry_stores() {
  std::erase_if(troubled_, [this](const BlobId& blob) { return !incoming_.contains(blob); });
  for (const BlobId& blob : troubled_) {
    Incoming& incoming = incoming_[blob];
    if (now_ms_ < incoming.retry_ms) continue;
    incoming.retry_ms = now_ms_ + kStoreRetryMs;
    emit_now(OpenBlob{blob, incoming.round, incoming.parcel});
  }
}

void HubMachine::check_if_whole(const Key& key, Transfer& transfer) {
  const bool whole = std::all_of(
      transfer.ready.parcels.begin(), transfer.ready.parcels.end(), [&](const Parcel& parcel) {
        const auto found = incoming_.find({key.second, parcel.digest});
        return found != incoming_.end() && found->second.durable >= found->second.parcel.bytes;
      });
  if (!whole || transfer.checking) return;
  transfer.checking = true;
  emit_now(
      Check{key.first, transfer.ready.stage, key.second, transfer.epoch, transfer.ready.parcels});
}

void HubMachine::took(const Checked& checked) {
  const Key key{checked.round, checked.worker};
  const auto found = transfers_.find(key);
  if (found == transfers_.end() || found->second.epoch != checked.epoch) return;
  Transfer& transfer = found->second;
  transfer.checking = false;
  const OfferReady offer = transfer.ready;
  if (!checked.trouble) {
    for (const Parcel& parcel : offer.parcels) incoming_.erase({checked.worker, parcel.digest});
    transfers_.erase(found);
    if (answer_known(checked.worker, checked.epoch, offer)) {
      for (const Parcel& parcel : offer.parcels) emit(DropBlob{{checked.worker, parcel.digest}});
      return;
    }
    return hold(checked.worker, checked.epoch, offer);
  }
  if (checked.trouble->fault != Fault::kCorrupt || ++transfer.failures >= kFailuresMax)
    return strike(checked.worker, checked.epoch, offer, checked.trouble->fault,
                  checked.trouble->message);
  for (const Parcel& parcel : offer.parcels) {
    receive(checked.worker, checked.round, parcel);
    send(checked.worker, checked.epoch, Want{parcel.digest, 0});
  }
}

/// By value: the caller may have it from the very entry that is erased.
void HubMachine::drop_transfer(Key key) {
  const auto found = transfers_.find(key);
  if (found == transfers_.end()) return;
  const std::vector<Parcel> parcels = std::move(found->second.ready.parcels);
  transfers_.erase(found);
  for (const Parcel& parcel : parcels) {
    const BlobId blob{key.second, parcel.digest};
    if (in_use(blob)) continue;
    incoming_.erase(blob);
    emit(DropBlob{blob});
  }
}

/// What it holds of the worker is wanted by nobody, unless it is offered again.
void HubMachine::leave_orphans(WorkerId worker, const RoundState& round, int64_t until) {
  if (const auto held = round.held.find(worker); held != round.held.end())
    for (const Parcel& parcel : held->second.parcels) orphans_[{worker, parcel.digest}] = until;
}

bool HubMachine::in_use(const BlobId& blob) const {
  const auto among = [&blob](const std::vector<Parcel>& parcels) {
    return std::any_of(parcels.begin(), parcels.end(),
                       [&](const Parcel& parcel) { return parcel.digest == blob.digest; });
  };
  if (blob.owner == kHubOwner) {
    const auto fetched = [&blob](const auto& entry) { return entry.second.digest == blob.digest; };
    const auto result = [&blob](const auto& entry) {
      return entry.second.result.digest == blob.digest;
    };
    return ledger_.snapshot.digest == blob.digest || ledger_.folder.digest == blob.digest ||
           (ledger_.snapshot.bytes == 0 && settings_.genesis.digest == blob.digest) ||
           std::any_of(ledger_.decisions.begin(), ledger_.decisions.end(), result) ||
           std::any_of(fetching_.begin(), fetching_.end(), fetched);
  }
  for (const auto& [number, round] : ledger_.rounds) {
    const auto held = round.held.find(blob.owner);
    if (held != round.held.end() && among(held->second.parcels)) return true;
  }
  for (const auto& [number, clock] : clocks_) {
    const auto transfer = transfers_.find({number, blob.owner});
    if (transfer != transfers_.end() && among(transfer->second.ready.parcels)) return true;
  }
  return false;
}

/// It has started from its snapshot, or will not.
void HubMachine::stop_fetching(WorkerId worker) {
  const auto found = fetching_.find(worker);
  if (found == fetching_.end()) return;
  const BlobId blob{kHubOwner, found->second.digest};
  fetching_.erase(found);
  if (!in_use(blob)) emit(DropBlob{blob});
}

// ---- What members ask.

void HubMachine::hear_get(WorkerId worker, int64_t epoch, const Get& get) {
  const BlobId blob{kHubOwner, get.blob};
  int64_t left = std::min(get.bytes_max, settings_.window_bytes);
  if (!in_use(blob) || left < 1 || get.offset < 0 || get.offset > INT64_MAX - left) return;
  for (int64_t offset = get.offset; left > 0;) {
    const int64_t bytes = std::min(left, settings_.chunk_bytes);
    emit(SendChunk{worker, epoch, blob, offset, bytes});
    offset += bytes;
    left -= bytes;
  }
}

void HubMachine::tell_decisions(WorkerId worker, int64_t after) {
  Live& live = live_[worker];
  // A joiner who turns out to have a state of its own has missed a Welcome, or had an earlier one.
  live.applied = live.has_state ? std::max(live.applied, after) : after;
  live.has_state = true;
  stop_fetching(worker);
  if (live.applied >= ledger_.decided) return;
  if (live.applied + 1 < ledger_.kept_from())
    return remove(worker, fmt::format("missed more than is kept: has applied round {} of {}",
                                      live.applied, ledger_.decided));
  auto next = ledger_.decisions.find(live.applied + 1);
  for (int64_t told = 0; told < kDecisionsMax && next != ledger_.decisions.end(); ++told, ++next)
    send(worker, ledger_.members[worker].epoch,
         Decision{next->first, next->second.committed, next->second.result.digest,
                  next->second.result.bytes, next->second.reason, ledger_.decided});
}

void HubMachine::hear_progress(WorkerId worker, const Progress& progress) {
  if (progress.applied < 0) {
    // It fetches a snapshot: one that is kept for it, unless the hub was restarted meanwhile.
    if (!fetching_.contains(worker) && !live_[worker].has_state)
      remove(worker, "the snapshot that it was given is no longer kept");
    return;
  }
  const auto audit = audits_.find(progress.settled);
  if (audit != audits_.end() && audit->second != progress.replicated)
    return remove(worker,
                  fmt::format("after round {} its replicated states are not those of the others",
                              progress.settled),
                  true);
  tell_decisions(worker, progress.applied);
}

void HubMachine::took(const Mirrored& mirrored) {
  for (const auto& [round, replicated] : mirrored.replicated) audits_[round] = replicated;
  while (audits_.size() > kAuditsMax) audits_.erase(audits_.begin());
}

}  // namespace causeway
