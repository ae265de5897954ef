// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "sync/exchange.h"

namespace causeway {

/// Values are fixed: the digest of a history has them.
enum class EventKind : uint8_t {
  kHubTimer = 1,
  kHubDone = 2,     ///< something that the hub's host has begun
  kHubArrival = 3,  ///< number: slot of the message
  kWorkerTimer = 4,
  kWorkerArrival = 5,  ///< number: slot of the message
  kWorkerComputed = 6,
  kWorkerSynced = 7,  ///< its checkpoint
  kFaultBegin = 8,    ///< number: index of the fault
  kFaultEnd = 9,      ///< number: index of the strike
  kBoot = 10,         ///< everybody starts
};

struct Event {
  EventKind kind = EventKind::kHubTimer;
  WorkerId worker = 0;
  uint64_t number = 0;  ///< else: which timer, or which life of the node, it belongs to
};

}  // namespace causeway
