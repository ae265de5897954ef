// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/clock.h"
#include "data/feed.h"
#include "optim/schedule.h"
#include "recipe/recipe.h"
#include "record/listener.h"
#include "sync/engine.h"
#include "train/followers.h"
#include "train/replica.h"

namespace causeway {

/// Trains one replica: data, gradient, hooks, update. A state machine, so that few threads can
/// carry many workers; one thread at a time.
class Worker {
 public:
  enum class Status : uint8_t {
    kStepped = 1,  ///< a step is finished
    kWaiting = 2,  ///< a consensus is not there yet: let the exchange work, then advance again
    kFailed = 3,   ///< error() says why; the worker must not be advanced again
  };

  struct Parts {
    WorkerId id = 0;
    std::unique_ptr<TrainReplica> replica;
    std::unique_ptr<Feed> feed;
    Orders* orders = nullptr;  ///< of a leader with followers; outlives the worker
  };

  /// Recipe, plan, exchange and clock outlive the worker.
  Worker(const Recipe& recipe, const BoundPlan& plan, Exchange& exchange, const Clock& clock,
         Parts parts);

  /// Goes on to the end of the step, or until it must wait.
  Status advance();

  WorkerId id() const { return id_; }
  int64_t steps() const { return steps_; }                      ///< finished
  bool within_step() const { return phase_ != Phase::kBegin; }  ///< waiting inside a step
  int64_t tokens() const { return tokens_; }                    ///< trained
  /// Of the last finished step.
  const StepReport& report() const { return report_; }
  /// Why an update was left out in the last finished step; empty if none was.
  const std::string& skipped() const { return skipped_; }
  const Error& error() const { return *error_; }

  TrainReplica& replica() { return *replica_; }
  const TrainReplica& replica() const { return *replica_; }
  Engine& engine() { return *engine_; }
  const Engine& engine() const { return *engine_; }
  Feed& feed() { return *feed_; }
  const Feed& feed() const { return *feed_; }
  /// Sets what a checkpoint kept of the counters; between steps.
  void restore(int64_t steps, int64_t tokens);

 private:
  enum class Phase : uint8_t { kBegin, kAfterBackward, kBeforeUpdate, kAfterUpdate };

  Result<void> begin();
  Result<double> loss_and_gradient();
  Result<void> clip(Go go);
  Result<void> update();
  Status fail(Error error);
  void finish();

  const Recipe& recipe_;
  const Clock& clock_;
  const WorkerId id_;
  std::unique_ptr<TrainReplica> replica_;
  std::unique_ptr<Feed> feed_;
  std::unique_ptr<Engine> engine_;
  std::optional<Followers> followers_;

  Phase phase_ = Phase::kBegin;
  int64_t steps_ = 0, tokens_ = 0;
  bool updates_ = false;           ///< the inner optimizer takes part in this step
  bool objective_updates_ = true;  ///< as far as the objective is concerned
  double clip_scale_ = 1.0;
  bool unclipped_ = false;  ///< the method's gradient is the step itself
  double norm_ = 0;         ///< of the worker's own gradient
  int64_t began_ns_ = 0, busy_ns_ = 0;
  std::vector<int32_t> rows_;
  StepReport report_;
  std::string skipped_;
  std::optional<Error> error_;
};

}  // namespace causeway
