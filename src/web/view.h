// SPDX-License-Identifier: Apache-2.0
//
// What a hub shows of its run: plain data, made by the hub's process a few times a second, and
// shown as a page, as JSON, as Prometheus text and on terminals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway {

enum class MemberStatus : uint8_t {
  kJoining = 1,    ///< fetches the state to start from
  kTraining = 2,   ///< takes part
  kFollowing = 3,  ///< applies what is decided, until it is in step again
  kGone = 4,       ///< `reason` says why
  kExpected = 5,   ///< of the recipe's workers, has never come
};
std::string_view member_status_name(MemberStatus status);

struct MemberView {
  int32_t worker = 0;
  std::string site, address;
  MemberStatus status = MemberStatus::kExpected;
  std::string reason;  ///< why it is gone, or follows
  int64_t epoch = 0, admissions = 0, strikes = 0;
  int64_t step = 0, applied_round = 0;
  double loss = 0;  ///< nats per token, of its last step; 0: not known
  double steps_per_s = 0, tokens_per_s = 0;
  int64_t up_bytes = 0, down_bytes = 0;              ///< payload since the hub started
  int64_t store_up_bytes = 0, store_down_bytes = 0;  ///< of these by an object store
  double up_bytes_per_s = 0, down_bytes_per_s = 0;   ///< over the last seconds
  double heard_s_ago = 0, round_trip_ms = 0;
};

enum class RoundStatus : uint8_t { kOpen = 1, kClosed = 2, kCommitted = 3, kAborted = 4 };
std::string_view round_status_name(RoundStatus status);

/// Times are seconds since the hub started; below 0: not yet.
struct RoundView {
  int64_t round = 0, step = 0;
  std::vector<std::string> channels;
  RoundStatus status = RoundStatus::kOpen;
  double opened_s = -1, closed_s = -1, decided_s = -1;
  std::vector<std::pair<int32_t, double>> arrivals;     ///< worker, when its offer was whole
  std::vector<int32_t> members;                         ///< who counts
  std::vector<std::pair<int32_t, std::string>> absent;  ///< who does not, and why
  int64_t up_bytes = 0, result_bytes = 0;
  std::string reason;  ///< if aborted
};

/// Something that people should know: a member came or went, an offer was bad, the disk is full.
struct EventView {
  double at_s = 0;
  int32_t worker = -1;  ///< -1: the hub itself
  std::string text;
  int64_t round = 0;  ///< that it is about, or that was open; 0: none yet
};

struct LossPoint {
  int32_t worker = 0;
  int64_t step = 0;
  double loss = 0;
};

struct HubView {
  std::string run, method, version;
  int64_t started_unix_ms = 0;
  double now_s = 0;  ///< since the hub started
  int64_t hub_starts = 1;
  int64_t steps = 0, rounds = 0;  ///< of the whole run
  int64_t decided_round = 0, decided_step = 0;
  bool finished = false;
  std::string halted;        ///< why nothing is decided any more; empty: all is well
  double seconds_left = -1;  ///< below 0: not known
  int64_t parameters = 0;
  int64_t committed = 0, aborted = 0;
  int64_t up_bytes = 0, down_bytes = 0;  ///< payload, all members, since the hub started
  int64_t store_up_bytes = 0, store_down_bytes = 0;  ///< of these by an object store
  int64_t ddp_bytes = 0;  ///< what fp32 gradients every step would have moved by now
  int64_t spool_bytes = 0, spool_bytes_max = 0, log_bytes = 0;
  int64_t resident_bytes = 0;
  std::vector<MemberView> members;  ///< ascending worker, all that the recipe has
  std::vector<RoundView> recent;    ///< ascending round, the last ones
  std::vector<EventView> events;    ///< the last ones
  std::vector<LossPoint> losses;    ///< those new since the view before
};

}  // namespace causeway
