// SPDX-License-Identifier: Apache-2.0
//
// The fields of records and of the state that they lead to, in the order of the disk
// (core/fields.h).
#pragma once

#include "exchange/message_fields.h"
#include "hub/ledger.h"

namespace causeway {

void each_field(auto&& visit, Is<BlobRef> auto& s) { visit(s.digest), visit(s.bytes); }
void each_field(auto&& visit, Is<ClosedMember> auto& s) {
  visit(s.worker), visit(s.epoch), visit(s.parcels);
}
void each_field(auto&& visit, Is<Absence> auto& s) { visit(s.worker), visit(s.reason); }
void each_field(auto&& visit, Is<RunStarted> auto& s) {
  visit(s.run), visit(s.plan), visit(s.layout), visit(s.genesis);
}
void each_field(auto&& visit, Is<Admitted> auto& s) {
  visit(s.worker), visit(s.epoch), visit(s.incarnation), visit(s.offer_from);
}
void each_field(auto&& visit, Is<Removed> auto& s) {
  visit(s.worker), visit(s.epoch), visit(s.reason), visit(s.reload);
}
void each_field(auto&& visit, Is<Opened> auto& s) { visit(s.round); }
void each_field(auto&& visit, Is<Held> auto& s) {
  visit(s.round), visit(s.stage), visit(s.worker), visit(s.epoch), visit(s.parcels);
  visit(s.declined);
}
void each_field(auto&& visit, Is<Struck> auto& s) {
  visit(s.round), visit(s.worker), visit(s.epoch), visit(s.reason);
}
void each_field(auto&& visit, Is<Closed> auto& s) {
  visit(s.round), visit(s.stage), visit(s.members), visit(s.absent);
}
void each_field(auto&& visit, Is<Committed> auto& s) {
  visit(s.round), visit(s.result), visit(s.folder);
}
void each_field(auto&& visit, Is<Aborted> auto& s) { visit(s.round), visit(s.reason); }
void each_field(auto&& visit, Is<SnapshotTaken> auto& s) {
  visit(s.round), visit(s.snapshot), visit(s.forget);
}
void each_field(auto&& visit, Is<SatOut> auto& s) {
  visit(s.worker), visit(s.epoch), visit(s.offer_from);
}
void each_field(auto&& visit, Is<MemberState> auto& s) {
  visit(s.epoch), visit(s.incarnation), visit(s.present), visit(s.offer_from), visit(s.strikes);
  visit(s.gone_reason), visit(s.reload), visit(s.weights);
}
void each_field(auto&& visit, Is<HeldOffer> auto& s) {
  visit(s.epoch), visit(s.parcels), visit(s.declined);
}
void each_field(auto&& visit, Is<RoundState> auto& s) {
  visit(s.stage), visit(s.held), visit(s.lost), visit(s.struck), visit(s.closed);
}
void each_field(auto&& visit, Is<DecidedRound> auto& s) {
  visit(s.committed), visit(s.result), visit(s.reason), visit(s.members);
}
void each_field(auto&& visit, Is<Ledger> auto& s) {
  visit(s.run), visit(s.epoch), visit(s.opened), visit(s.decided), visit(s.members);
  visit(s.rounds), visit(s.decisions), visit(s.snapshot_round), visit(s.snapshot), visit(s.folder);
}

}  // namespace causeway
