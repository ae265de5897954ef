// SPDX-License-Identifier: Apache-2.0
//
// A checkpoint is a folder checkpoints/STEP with one safetensors part for each worker and for the
// exchange, the mean weights as a Hugging Face model with what the run's folder `model` holds, and
// a manifest with the hash of every part. It is written aside and made visible by one rename: no
// half-written one is ever seen.
#pragma once

#include <string>
#include <vector>

#include "core/durable.h"
#include "core/error.h"
#include "train/team.h"

namespace causeway {

/// Writes everything that the team needs to go on, and `mean`, and returns the folder's path.
/// Synced to disk before it is visible. On failure nothing is visible and older ones stay.
Result<std::string> write_checkpoint(const std::string& run_folder, const Team& team,
                                     const Arena& mean);

/// Removes all but the last `keep` checkpoints, and what a killed process left half-written.
void prune_checkpoints(const std::string& run_folder, int64_t keep);

/// Folders of complete-looking checkpoints, newest first.
std::vector<std::string> list_checkpoints(const std::string& run_folder);

/// Sets a fresh team to the checkpoint's state. Fault::kCorrupt if a part is missing, damaged or of
/// another model; the team must then not be used.
Result<void> read_checkpoint(const std::string& folder, Team& team);

/// The settings that must not change between a checkpoint and its continuation: the resolved recipe
/// without folder, threads and the like. Its digest is in the manifest.
std::string continuation_key(const Recipe& recipe);

}  // namespace causeway
