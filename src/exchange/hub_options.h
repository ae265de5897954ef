// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/options.h"
#include "exchange/messages.h"

namespace causeway {

/// How a hub runs its rounds: what a recipe's [exchange.hub] says. HubSettings has the meaning of
/// each for the machine.
struct HubOptions {
  int64_t start_members = 0;
  int64_t quorum_count = 1;
  double quorum_weight = 0.5;
  int64_t grace_ms = 0;
  int64_t deadline_ms_min = 2'000, deadline_ms_max = 600'000;
  double deadline_mads = 6;
  int64_t lease_ms = 60'000;
  int64_t retain_rounds = 8, snapshot_rounds = 4, log_entries_max = 1'000;
  int64_t strikes_max = 3;
  int64_t chunk_bytes = 1 << 20, window_bytes = 16 << 20;
  int64_t spool_bytes = int64_t{1} << 36;
  double norm_max = 0;

  template <class Visit>
  void each(Visit&& visit) {
    constexpr Range<int64_t> kMs{0, 86'400'000}, kMany{0, 1'000'000'000};
    constexpr Range<int64_t> kBytes{1, int64_t{1} << 50};
    visit("start_members", start_members, kMany, "",
          "Members that must have joined before the first round; 0: all.");
    visit("quorum_count", quorum_count, Range<int64_t>{1, 1'000'000}, "",
          "Offers that a round needs.");
    visit("quorum_weight", quorum_weight, Range<double>{0, 1}, "",
          "Part of the expected weight that a round needs.");
    visit("grace_ms", grace_ms, kMs, "ms", "A round stays open so long after its deadline.");
    visit("deadline_ms_min", deadline_ms_min, kMs, "ms",
          "Shortest deadline of a round, from its opening: it has the steps between two rounds in "
          "it.");
    visit("deadline_ms_max", deadline_ms_max, kMs, "ms", "Longest deadline, and the first ones.");
    visit("deadline_mads", deadline_mads, Range<double>{0, 1'000}, "",
          "k: a deadline is the median of arrivals and k times their median deviation.");
    visit("lease_ms", lease_ms, Range<int64_t>{1, 86'400'000}, "ms",
          "A member that is silent for so long is removed.");
    visit("retain_rounds", retain_rounds, kMany, "rounds", "Results that are kept.");
    visit("snapshot_rounds", snapshot_rounds, kMany, "rounds", "Between snapshots for joiners.");
    visit("log_entries_max", log_entries_max, kMany, "",
          "Entries of the log; then it is replaced by its state.");
    visit("strikes_max", strikes_max, kMany, "", "Bad offers before a member is sent away.");
    visit("chunk_bytes", chunk_bytes, Range<int64_t>{1, kChunkBytesMax}, "bytes", "Of a chunk.");
    visit("window_bytes", window_bytes, kBytes, "bytes",
          "On their way before an acknowledgement: above bandwidth times delay of the link.");
    visit("spool_bytes", spool_bytes, kBytes, "bytes", "Room on the disk for offers and results.");
    visit("norm_max", norm_max, Range<double>{0, 1e30}, "",
          "Largest norm of an offer's channel; 0: any finite one.");
  }
};

}  // namespace causeway
