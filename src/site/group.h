// SPDX-License-Identifier: Apache-2.0
//
// The processes of one site that share a replica: started by torchrun, srun or mpirun, joined by
// the site's own fast network. They fail as one. docs/inside-a-site.md says how to start them.
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
  int32_t local_size = 1;  ///< processes on its machine, which share its cores
  std::string master;      ///< host of rank 0; 127.0.0.1 if all processes are on one machine
  /// Where rank 0 listens for the others: the first free one of `port_count` ports from `port` on.
  int32_t port = 0, port_count = 1;
  std::string run;  ///< names this start, so that groups of other starts are told from this one
};

/// Looks up names in an environment: getenv, or a test's.
using Environment = const char* (*)(const char* name);

/// The first of these that there is:
/// - torchrun, or by hand: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT;
/// - mpirun (Open MPI): OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK;
/// - srun: SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID. A batch script has SLURM_NTASKS too,
///   but is one process: it is srun that sets the step's number;
/// - none: one process.
/// The last two need MASTER_ADDR only where processes are on several machines, and take 29500 for a
/// MASTER_PORT that is not set. torchrun itself listens at MASTER_PORT, so the group takes one of
/// the 8 ports that follow it; CAUSEWAY_GROUP_PORT names one exactly.
/// Fault::kBadInput says which variable is missing or makes no sense.
Result<GroupPlace> place_from(Environment environment);

/// Collectives of a group. Every process calls the same ones, with the same sizes, in the same
/// order. A call returns when this process has its result, or fails within the time limit; all
/// see a failure, though not all in the same call, and what a failed call leaves in the memory it
/// was given is undefined. After a failure every call fails. One thread at a time.
///
/// Fault::kPeerLost: a process died, or did not come within the time. Fault::kCorrupt: the
/// processes called different collectives, which is a mistake of the program.
class SiteGroup {
 public:
  virtual ~SiteGroup() = default;

  virtual int32_t rank() const = 0;
  virtual int32_t size() const = 0;
  /// Sums in place. The same bits in every process; they depend on the values, their number and the
  /// size of the group alone.
  virtual Result<void> all_reduce(std::span<float> values) = 0;
  /// The leader's bytes for everybody: rank 0 gives, the others get the same number.
  virtual Result<void> broadcast(std::span<std::byte> bytes) = 0;
  bool leads() const { return rank() == 0; }
};

/// Joins the group within `timeout_ms`, which then bounds each collective too: it must be longer
/// than what one process may be later than another. A place of size 1 needs no network. Besides
/// the faults above: Fault::kRefused if the leader belongs to another version or another size,
/// Fault::kIo if it cannot listen, Fault::kBadInput if this program has no engine for groups.
Result<std::unique_ptr<SiteGroup>> join_group(const GroupPlace& place, int64_t timeout_ms);

}  // namespace causeway
