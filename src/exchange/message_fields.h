// SPDX-License-Identifier: Apache-2.0
//
// The fields of messages, in the order of the wire (core/fields.h).
#pragma once

#include <concepts>

#include "exchange/messages.h"

namespace causeway {

inline bool is_known(Hook hook) {
  return hook >= Hook::kAfterBackward && hook <= Hook::kAfterUpdate;
}
inline bool is_known(Fault fault) { return fault >= Fault::kTimeout && fault <= Fault::kNumeric; }

/// `S`, const or not.
template <class S, class Struct>
concept Is = std::same_as<std::remove_const_t<S>, Struct>;

void each_field(auto&& visit, Is<Parcel> auto& s) {
  visit(s.channel), visit(s.weight), visit(s.digest), visit(s.bytes);
}
void each_field(auto&& visit, Is<Hello> auto& s) {
  visit(s.incarnation), visit(s.plan), visit(s.layout), visit(s.genesis);
  visit(s.build), visit(s.token), visit(s.applied);
}
void each_field(auto&& visit, Is<OfferReady> auto& s) {
  visit(s.round), visit(s.stage), visit(s.step), visit(s.hook), visit(s.parcels), visit(s.declined);
}
void each_field(auto&& visit, Is<Chunk> auto& s) { visit(s.blob), visit(s.offset), visit(s.bytes); }
void each_field(auto&& visit, Is<Get> auto& s) {
  visit(s.blob), visit(s.offset), visit(s.bytes_max);
}
void each_field(auto&& visit, Is<Ask> auto& s) { visit(s.after); }
void each_field(auto&& visit, Is<Progress> auto& s) {
  visit(s.applied), visit(s.settled), visit(s.replicated), visit(s.step), visit(s.tokens);
  visit(s.loss);
}
void each_field(auto&& visit, Is<Leave> auto& s) { visit(s.reason); }
void each_field(auto&& visit, Is<Welcome> auto& s) {
  visit(s.incarnation), visit(s.decided), visit(s.offer_from), visit(s.snapshot);
  visit(s.snapshot_bytes), visit(s.lease_ms), visit(s.chunk_bytes), visit(s.window_bytes);
  visit(s.counted);
}
void each_field(auto&& visit, Is<Refused> auto& s) {
  visit(s.incarnation), visit(s.fault), visit(s.reason);
}
void each_field(auto&& visit, Is<ChunkHeld> auto& s) { visit(s.blob), visit(s.durable); }
void each_field(auto&& visit, Is<OfferHeld> auto& s) { visit(s.round), visit(s.stage); }
void each_field(auto&& visit, Is<OfferRefused> auto& s) {
  visit(s.round), visit(s.stage), visit(s.fault), visit(s.reason), visit(s.offer_from);
}
void each_field(auto&& visit, Is<Decision> auto& s) {
  visit(s.round), visit(s.committed), visit(s.blob), visit(s.bytes), visit(s.reason);
  visit(s.decided);
}
void each_field(auto&& visit, Is<Want> auto& s) { visit(s.blob), visit(s.offset); }
void each_field(auto&& visit, Is<Fenced> auto& s) { visit(s.reason), visit(s.keep_state); }
void each_field(auto&& visit, Is<Message> auto& s) {
  visit(s.run), visit(s.epoch), visit(s.worker), visit(s.body);
}
void each_field(auto&& visit, Is<Member> auto& s) { visit(s.id), visit(s.weight); }

}  // namespace causeway
