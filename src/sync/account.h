// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sync/plan.h"

namespace causeway {

/// What one firing of a channel sends, all stages: codecs of a fixed rate send it to the byte, of
/// others it is what may be expected.
struct ChannelBytes {
  int64_t up = 0;       ///< one member's offer
  int64_t down = 0;     ///< the consensus, to one worker
  int32_t members = 0;  ///< that offer
};

ChannelBytes channel_bytes(const BoundPlan& plan, int32_t index);

/// Bytes of all workers.
struct RunBytes {
  int64_t up = 0, down = 0;
  int64_t sum() const { return up + down; }
};

/// Of the steps `first` to `last`, both in: offers count where channels fire, a consensus where it
/// is applied.
RunBytes predicted_bytes(const BoundPlan& plan, int64_t first, int64_t last);

/// Of one step of data-parallel training: fp32 gradients up and their mean down, without framing.
RunBytes ddp_step_bytes(int64_t parameters, int32_t workers);

/// A link of every worker to where offers are folded.
struct WorkerLink {
  double bits_per_second = 100e6;
  double latency_seconds = 0.05;  ///< one way
};

/// "100Mbit/s,50ms", "1Gbit/s", "25 Mbit/s, 0.1 s".
Result<WorkerLink> parse_link(const std::string& text);

/// Seconds that one worker's transfers of a round take, without compute: offer up, consensus down.
double round_seconds(int64_t up_bytes, int64_t down_bytes, const WorkerLink& link);

/// The largest encoded offer of one worker: all channels that fire at one hook of one step.
int64_t largest_offer_bytes(const BoundPlan& plan);

/// The most that one worker's encoded offers take until they are folded. Those of delayed channels
/// wait while others fire.
int64_t waiting_offer_bytes(const BoundPlan& plan);

/// What is risky in a plan, in words: channels that never fire in `steps` or are never applied,
/// Adam's first moment averaged without the second (reference: the DES-LOC pitfall).
std::vector<std::string> plan_warnings(const BoundPlan& plan, const std::string& optimizer,
                                       int64_t steps);

}  // namespace causeway
