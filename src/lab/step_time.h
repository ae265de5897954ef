// SPDX-License-Identifier: Apache-2.0
//
// How long a step takes where sites exchange over links.
//
// All sites have one worker, the same speed and the same link to the hub, so they are in lock-step
// and one of them tells for all. Time is what a step computes, and what of the exchange is not
// hidden behind it:
// - A round is what fires at one hook of one step. It costs the link's delay six times: the offer
// is
//   announced, asked for and sent, then the consensus is. That is what the protocol does: worlds of
//   `causeway sim` with the same link take the same time. Stages of a firing are a round each.
// - Offers take their bytes by the link's speed, the consensus again. The two directions are lanes
// of
//   their own; each carries one transfer after the other.
// - A channel without a delay stalls until its consensus is there. With a delay of n steps workers
//   train on, and n steps later only what is then still on its way stalls.
// Encoding and folding take no time here, nor does what a transport adds to bytes.
#pragma once

#include <cstdint>

#include "sync/account.h"

namespace causeway {

/// Averages over many periods, once rounds have settled into their rhythm.
struct StepTime {
  double compute_seconds = 0;
  double stalled_seconds = 0;
  double up_bytes = 0, down_bytes = 0;  ///< of one site in a step

  double seconds() const { return compute_seconds + stalled_seconds; }
  double bytes() const { return up_bytes + down_bytes; }
};

/// Of a plan whose channels fire by their periods alone, as all that can cross processes do: others
/// fail a check.
StepTime step_time(const BoundPlan& plan, double compute_seconds, const WorkerLink& link);

}  // namespace causeway
