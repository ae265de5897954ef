// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/random.h"

namespace causeway {

/// What chance decides about in a simulated world. Each has a stream of its own, so that a draw for
/// one purpose never shifts those of another. Values are fixed: recorded seeds depend on them.
enum class Purpose : uint32_t {
  kUplink = 1'001,       ///< index: worker
  kDownlink = 1'002,     ///< index: worker
  kHubLatency = 1'003,   ///< of its disk and processor
  kWorkerSpeed = 1'004,  ///< index: worker
  kWorkerDisk = 1'005,   ///< index: worker
  kIncarnation = 1'006,  ///< index: worker
  kFault = 1'007,        ///< index: of the fault in the scenario
  kHubDisk = 1'008,
  kData = 1'009,      ///< index: worker
  kModel = 1'010,     ///< first parameters, and what is to be learnt
  kScenario = 1'011,  ///< index: part of the scenario
};

/// Draws of one stream, one after the other.
class Chance {
 public:
  Chance(uint64_t seed, Purpose purpose, uint32_t index = 0)
      : random_(seed, static_cast<Stream>(purpose), index) {}

  uint64_t bits() { return random_.bits(next_++); }
  double uniform() { return random_.uniform(next_++); }  ///< in [0, 1)
  /// Draws even where the answer is known, so that a probability can change without a shift.
  bool happens(double probability) { return uniform() < probability; }
  /// In [low, high], low <= high.
  int64_t between(int64_t low, int64_t high) {
    return low +
           static_cast<int64_t>(random_.below(next_++, static_cast<uint64_t>(high - low) + 1));
  }

 private:
  Random random_;
  uint64_t next_ = 0;
};

}  // namespace causeway
