// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/bytes.h"
#include "core/hash.h"

namespace causeway {

/// What a worker keeps on its own disk at a step's edge, as one file with a digest at its end.
struct WorkerCheckpoint {
  uint64_t run = 0;
  int64_t applied = 0;  ///< last round settled
  Bytes trainer;        ///< Trainer::save
  Bytes machine;        ///< WorkerMachine::save
};

Bytes encode_worker_checkpoint(const WorkerCheckpoint& checkpoint);
/// Any bytes are safe: Fault::kCorrupt with what is wrong.
Result<WorkerCheckpoint> decode_worker_checkpoint(ByteSpan bytes);

}  // namespace causeway
