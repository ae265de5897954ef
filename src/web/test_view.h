// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "web/view.h"

namespace causeway::testing {

inline HubView example_view() {
  HubView view{.run = "four-coasts", .method = "diloco", .version = "0.1.0"};
  view.started_unix_ms = 1'700'000'000'123;
  view.now_s = 61.25;
  view.steps = 2000;
  view.rounds = 125;
  view.decided_round = 2;
  view.decided_step = 32;
  view.seconds_left = 1800.5;
  view.parameters = 124'000'000;
  view.committed = 1;
  view.aborted = 1;
  view.up_bytes = 1'000'000;
  view.down_bytes = 500'000;
  view.store_up_bytes = 70'000;
  view.store_down_bytes = 30'000;
  view.ddp_bytes = 600'000'000;
  view.spool_bytes = 10;
  view.spool_bytes_max = 20;
  view.log_bytes = 30;
  view.resident_bytes = 40;
  MemberView bergen{.worker = 0, .site = "bergen", .address = "10.0.0.1:4711"};
  bergen.status = MemberStatus::kTraining;
  bergen.epoch = bergen.admissions = 1;
  bergen.step = 40;
  bergen.applied_round = 2;
  bergen.loss = 3.25;
  bergen.steps_per_s = 0.5;
  bergen.tokens_per_s = 26'000;
  bergen.up_bytes = 700'000;
  bergen.down_bytes = 300'000;
  bergen.store_down_bytes = 20'000;
  bergen.up_bytes_per_s = 1234.5;
  bergen.heard_s_ago = 0.25;
  bergen.round_trip_ms = 18.5;
  MemberView lisboa{.worker = 3, .site = "lisboa"};
  lisboa.status = MemberStatus::kGone;
  lisboa.reason = "no heartbeat for 30 s";
  lisboa.strikes = 2;
  view.members = {bergen, lisboa};
  RoundView first{.round = 1, .step = 16, .channels = {"parameters", "first"}};
  first.status = RoundStatus::kCommitted;
  first.opened_s = 0;
  first.closed_s = 12.5;
  first.decided_s = 13;
  first.arrivals = {{0, 11.5}, {3, 12}};
  first.members = {0, 3};
  first.up_bytes = 900;
  first.result_bytes = 450;
  RoundView second{.round = 2, .step = 32, .channels = {"parameters"}};
  second.status = RoundStatus::kAborted;
  second.opened_s = 20;
  second.absent = {{3, "no heartbeat for 30 s"}};
  second.reason = "1 of 2 offers, the quorum is 2";
  view.recent = {first, second};
  view.events = {{0.5, 0, "admitted"}, {30, 3, "gone: no heartbeat for 30 s"}, {40, -1, "aborted"}};
  view.losses = {{0, 39, 3.5}, {0, 40, 3.25}};
  return view;
}

}  // namespace causeway::testing
