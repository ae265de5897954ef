// SPDX-License-Identifier: Apache-2.0
//
// What the hub's memory and disk may come to in a run, before it begins: from the plan, its members
// and the hub's settings. Nothing in it grows with the rounds of a run, but for the schedule's list
// of them. The simulator's auditor compares every world with it.
#pragma once

#include <cstdint>

#include "hub/hub_machine.h"
#include "hub/round_schedule.h"

namespace causeway {

/// Bytes, at most; of machine, host, spool and schedule, without the process itself.
struct HubMemory {
  int64_t mirror = 0;   ///< states that a consensus writes, anchors, outer momenta
  int64_t folder = 0;   ///< residuals of the downlink: before and after the round that is folded
  int64_t folds = 0;    ///< of open rounds: some tiles each, and where each block of a member ends
  int64_t results = 0;  ///< small ones: encoded, decided and not yet applied by the mirror
  int64_t passing = 0;  ///< while it folds, takes a snapshot or reads its log: the largest of these
  int64_t windows = 0;  ///< of offers, received and not yet durable
  int64_t serving = 0;  ///< the piece of a blob that was read last
  int64_t members = 0;  ///< what is known of members, open rounds and decisions; what waits
  int64_t rounds = 0;   ///< the schedule

  int64_t total() const {
    return mirror + folder + folds + results + passing + windows + serving + members + rounds;
  }
};

/// Bytes, about: texts of reasons vary. Results of a plan that cannot be mirrored are all kept.
struct HubDisk {
  int64_t offers = 0;  ///< of open rounds, whole, from all members
  int64_t results = 0;
  int64_t snapshots = 0;  ///< two, and the state before the first step
  int64_t log = 0;        ///< twice, while it is replaced

  int64_t total() const { return offers + results + snapshots + log; }
};

/// `threads` fold. All workers of the plan are members. Walks the whole schedule.
HubMemory hub_memory(const RoundSchedule& schedule, const HubSettings& settings, int32_t threads);
HubDisk hub_disk(const RoundSchedule& schedule, const HubSettings& settings);

}  // namespace causeway
