// SPDX-License-Identifier: Apache-2.0
//
// One list of the fields of each view, so that what reads JSON cannot drift from what writes it:
// `each_field(visit, view)` calls `visit(name, field)`, with the view const or not. `visit.time`
// is a time or a wait that is below 0 while it is not known, `visit.loss` a loss that is 0 then.
#pragma once

#include <type_traits>

#include "web/view.h"

namespace causeway {

template <class S, class View>
concept ViewOrConst = std::is_same_v<std::remove_const_t<S>, View>;

template <class Visit, ViewOrConst<MemberView> S>
void each_field(Visit& visit, S& member) {
  visit("worker", member.worker);
  visit("site", member.site);
  visit("address", member.address);
  visit("status", member.status);
  visit("reason", member.reason);
  visit("epoch", member.epoch);
  visit("admissions", member.admissions);
  visit("strikes", member.strikes);
  visit("step", member.step);
  visit("applied_round", member.applied_round);
  visit.loss("loss", member.loss);
  visit("steps_per_s", member.steps_per_s);
  visit("tokens_per_s", member.tokens_per_s);
  visit("up_bytes", member.up_bytes);
  visit("down_bytes", member.down_bytes);
  visit("store_up_bytes", member.store_up_bytes);
  visit("store_down_bytes", member.store_down_bytes);
  visit("up_bytes_per_s", member.up_bytes_per_s);
  visit("down_bytes_per_s", member.down_bytes_per_s);
  visit("heard_s_ago", member.heard_s_ago);
  visit("round_trip_ms", member.round_trip_ms);
}

template <class Visit, ViewOrConst<RoundView> S>
void each_field(Visit& visit, S& round) {
  visit("round", round.round);
  visit("step", round.step);
  visit("channels", round.channels);
  visit("status", round.status);
  visit.time("opened_s", round.opened_s);
  visit.time("closed_s", round.closed_s);
  visit.time("decided_s", round.decided_s);
  visit.pairs("arrivals", "worker", "at_s", round.arrivals);
  visit("members", round.members);
  visit.pairs("absent", "worker", "reason", round.absent);
  visit("up_bytes", round.up_bytes);
  visit("result_bytes", round.result_bytes);
  visit("reason", round.reason);
}

template <class Visit, ViewOrConst<EventView> S>
void each_field(Visit& visit, S& event) {
  visit("at_s", event.at_s);
  visit("worker", event.worker);
  visit("text", event.text);
  visit("round", event.round);
}

/// All but the lists.
template <class Visit, ViewOrConst<HubView> S>
void each_own_field(Visit& visit, S& hub) {
  visit("run", hub.run);
  visit("method", hub.method);
  visit("version", hub.version);
  visit("started_unix_ms", hub.started_unix_ms);
  visit("now_s", hub.now_s);
  visit("hub_starts", hub.hub_starts);
  visit("steps", hub.steps);
  visit("rounds", hub.rounds);
  visit("decided_round", hub.decided_round);
  visit("decided_step", hub.decided_step);
  visit("finished", hub.finished);
  visit("halted", hub.halted);
  visit.time("seconds_left", hub.seconds_left);
  visit("parameters", hub.parameters);
  visit("committed", hub.committed);
  visit("aborted", hub.aborted);
  visit("up_bytes", hub.up_bytes);
  visit("down_bytes", hub.down_bytes);
  visit("store_up_bytes", hub.store_up_bytes);
  visit("store_down_bytes", hub.store_down_bytes);
  visit("ddp_bytes", hub.ddp_bytes);
  visit("spool_bytes", hub.spool_bytes);
  visit("spool_bytes_max", hub.spool_bytes_max);
  visit("log_bytes", hub.log_bytes);
  visit("resident_bytes", hub.resident_bytes);
}

/// Everything but the losses, which are only those new since the view before.
template <class Visit, ViewOrConst<HubView> S>
void each_field(Visit& visit, S& hub) {
  each_own_field(visit, hub);
  visit("members", hub.members);
  visit("recent", hub.recent);
  visit("events", hub.events);
}

}  // namespace causeway
