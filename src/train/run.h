// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "record/listener.h"
#include "train/team.h"

namespace causeway {

/// What is known of a run before its first step. `program_bytes` as of program_memory_bytes().
RunInfo describe_run(const Team& team, int64_t program_bytes);

/// One run from start, or from its last checkpoint, to the end: training, validations, checkpoints,
/// the final sample. Speaks through listeners; prints nothing.
class Run {
 public:
  /// Recipe, clock and listeners outlive the run.
  static Result<std::unique_ptr<Run>> make(const Recipe& recipe, const Clock& clock,
                                           int64_t program_bytes);

  /// Goes on from the newest intact checkpoint of the run's folder; damaged ones are told by
  /// notices and passed over. Without any checkpoint the run starts at its beginning.
  /// Fault::kBadInput if it is of another recipe, kCorrupt if none can be read. Before go().
  Result<void> resume();

  /// Trains to the end, or until `stop` is true: then the summary's `finished` is false and a
  /// checkpoint is there to resume from. Called once.
  Result<RunSummary> go(const std::vector<Listener*>& listeners, const std::atomic<bool>& stop);

  Team& team() { return *team_; }

 private:
  Run(const Recipe& recipe, const Clock& clock, int64_t program_bytes, std::unique_ptr<Team> team);

  Result<RunSummary> train(const std::atomic<bool>& stop);
  std::vector<ValidReport> validate(bool whole);
  Result<void> checkpoint();
  int64_t next_pause() const;
  void on_round(const RoundOutcome& outcome, double fold_seconds);
  template <class Call>
  void tell(Call&& call) {
    for (Listener* listener : listeners_) call(*listener);
  }

  const Recipe& recipe_;
  const Clock& clock_;
  const int64_t program_bytes_;
  std::unique_ptr<Team> team_;
  std::unique_ptr<Arena> mean_;
  const std::vector<int32_t> token_bytes_;
  std::vector<Listener*> listeners_;
  std::vector<std::string> notices_;  ///< from before the listeners came
  RunSummary summary_;
};

}  // namespace causeway
