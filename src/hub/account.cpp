// SPDX-License-Identifier: Apache-2.0
//
// What the hub holds of the heap, part by part. hub_memory.cpp says what it may come to.
#include "core/heap_bytes.h"
#include "hub/hub_host.h"

namespace causeway {
namespace {

int64_t heap_of(const std::vector<ClosedMember>& members) {
  int64_t bytes = heap_bytes(members);
  for (const ClosedMember& one : members) bytes += heap_bytes(one.parcels);
  return bytes;
}

int64_t heap_of(const OfferReady& offer) {
  return heap_bytes(offer.parcels) + heap_bytes(offer.declined);
}

int64_t heap_of(const RoundState& round) {
  int64_t bytes = heap_bytes(round.held) + heap_bytes(round.lost) + heap_bytes(round.struck);
  for (const auto& [worker, offer] : round.held)
    bytes += heap_bytes(offer.parcels) + heap_bytes(offer.declined);
  for (const auto& [worker, reason] : round.lost) bytes += heap_bytes(reason);
  return bytes + (round.closed ? heap_of(*round.closed) : 0);
}

int64_t heap_of(const Body& body) {
  if (const auto* refused = std::get_if<Refused>(&body)) return heap_bytes(refused->reason);
  if (const auto* refused = std::get_if<OfferRefused>(&body)) return heap_bytes(refused->reason);
  if (const auto* decision = std::get_if<Decision>(&body)) return heap_bytes(decision->reason);
  if (const auto* fenced = std::get_if<Fenced>(&body)) return heap_bytes(fenced->reason);
  return 0;
}

}  // namespace

int64_t Ledger::memory_bytes() const {
  int64_t bytes = heap_bytes(members) + heap_bytes(rounds) + heap_bytes(decisions);
  for (const auto& [worker, member] : members)
    bytes += heap_bytes(member.gone_reason) + heap_bytes(member.weights);
  for (const auto& [number, round] : rounds) bytes += heap_of(round);
  for (const auto& [number, decision] : decisions)
    bytes += heap_bytes(decision.reason) + heap_bytes(decision.members);
  return bytes;
}

int64_t RoundSchedule::memory_bytes() const {
  int64_t bytes = heap_bytes(rounds_);
  for (const PlannedRound& round : rounds_) bytes += heap_bytes(round.channels);
  return bytes;
}

int64_t heap_bytes(const HubOutput& output) {
  if (const auto* send = std::get_if<Send>(&output)) return heap_of(send->message.body);
  if (const auto* append = std::get_if<Append>(&output)) return heap_bytes(append->record);
  if (const auto* store = std::get_if<Store>(&output)) return store->bytes.size();
  if (const auto* expect = std::get_if<Expect>(&output)) return heap_bytes(expect->workers);
  if (const auto* check = std::get_if<Check>(&output)) return heap_bytes(check->parcels);
  if (const auto* fold = std::get_if<Fold>(&output))
    return heap_bytes(fold->channels) + heap_of(fold->members);
  return 0;
}

int64_t HubMachine::memory_bytes() const {
  int64_t bytes = static_cast<int64_t>(sizeof(*this)) + ledger_.memory_bytes() +
                  arrivals_.memory_bytes() + heap_bytes(gated_) + heap_bytes(live_) +
                  heap_bytes(fetching_) + heap_bytes(transfers_) + heap_bytes(incoming_) +
                  heap_bytes(troubled_) + heap_bytes(clocks_) + heap_bytes(audits_) +
                  heap_bytes(opened_ms_) + heap_bytes(orphans_);
  for (const Gated& gated : gated_) bytes += heap_bytes(gated.output);
  for (const auto& [key, transfer] : transfers_) bytes += heap_of(transfer.ready);
  for (const auto& [blob, incoming] : incoming_) bytes += heap_bytes(incoming.trouble);
  for (const auto& [round, clock] : clocks_)
    bytes += heap_bytes(clock.awaited) + heap_bytes(clock.repairing);
  return bytes;
}

int64_t HubHost::memory_bytes() const {
  int64_t bytes = static_cast<int64_t>(sizeof(*this)) + heap_bytes(states_) + heap_bytes(rounds_) +
                  heap_bytes(blob_troubles_) + heap_bytes(arrivals_) + served_.bytes.size();
  if (mirror_ != nullptr) bytes += static_cast<int64_t>(sizeof(Mirror)) + mirror_->memory_bytes();
  for (const States& states : states_) bytes += states.memory_bytes();
  if (next_) {
    bytes += causeway::memory_bytes(next_->commit) + heap_bytes(next_->states);
    for (const States& states : next_->states) bytes += states.memory_bytes();
  }
  for (const auto& [number, round] : rounds_) {
    bytes += heap_bytes(round.expected) + heap_bytes(round.offers) + heap_bytes(round.channels) +
             round.stream.memory_bytes();
    for (const auto& [worker, parcels] : round.offers) bytes += heap_bytes(parcels);
    for (const auto& [channel, fold] : round.channels) bytes += fold.memory_bytes();
  }
  for (const auto& [blob, error] : blob_troubles_) bytes += heap_bytes(error.message);
  return bytes;
}

}  // namespace causeway
