// SPDX-License-Identifier: Apache-2.0
//
// The processes of one site that share a replica: started by torchrun, srun or mpirun, joined by
// the site's own fast network. They fail as one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/bytes.h"
#include "core/error.h"

namespace causeway {

/// How a process was started, from the environment of its launcher.
struct GroupPlace {
  int32_t rank = 0, size = 1;
  int32_t local_rank = 0;  ///< on its machine: which GPU
  std::string master;      ///< host of rank 0
  int32_t port = 0;        ///< where rank 0 listens for the others
};

/// Looks up names in an environment: getenv, or a test's.
using Environment = const char* (*)(const char* name);

/// RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT as torchrun sets them; else SLURM_PROCID,
/// SLURM_NTASKS, SLURM_LOCALID with MASTER_ADDR and MASTER_PORT; none of them: one process.
/// Fault::kBadInput says which variable is missing or makes no sense.
Result<GroupPlace> place_from(Environment environment);

/// Collectives of a group. Every process calls the same ones in the same order; calls block until
/// all have. Results have the same bits in every process, and depend on the size of the group
/// alone. After a failure (Fault::kPeerLost: a process died or did not come within the time) the
/// group is of no use any more. One thread at a time.
class Group {
 public:
  virtual ~Group() = default;

  virtual int32_t rank() const = 0;
  virtual int32_t size() const = 0;
  /// Sums in place.
  virtual Result<void> all_reduce(std::span<float> values) = 0;
  /// The leader's bytes for everybody: rank 0 gives, the others get the same number.
  virtual Result<void> broadcast(std::span<std::byte> bytes) = 0;
  bool leads() const { return rank() == 0; }
};

/// Joins the group within `timeout_ms`, which then bounds each collective too. A place of size 1
/// needs no network.
Result<std::unique_ptr<Group>> join_group(const GroupPlace& place, int64_t timeout_ms);

}  // namespace causeway
