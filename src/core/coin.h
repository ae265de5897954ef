// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/random.h"

namespace causeway {

/// Whether a worker anchors in a round of FedAMD, else it mines: a coin that shows anchor with this
/// probability. Pure, so that every party knows all roles without a message.
inline bool is_anchor(uint64_t seed, int64_t round, int32_t worker, double probability) {
  const Random random(seed, Stream::kCoin, static_cast<uint32_t>(worker));
  return random.uniform(static_cast<uint64_t>(round)) < probability;
}

}  // namespace causeway
