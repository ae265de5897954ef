// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/threads.h"
#include "exchange/local.h"
#include "sync/account.h"
#include "train/basis.h"

namespace causeway {

/// All replicas of a run in this process, and the exchange between them. A fixed number of threads
/// carries them: whichever worker is behind steps next, which changes no bit.
class Team {
 public:
  /// Called by run_to on the calling thread, while workers of other threads go on.
  struct Events {
    /// A step of one worker, in order of step, then worker; `skipped` as Worker::skipped.
    std::function<void(const StepReport&, const std::string& skipped)> on_step;
    std::function<void(const RoundOutcome&, double fold_seconds)> on_round;
    std::function<void()> on_tick;  ///< now and then
  };

  /// Opens data and weights and makes every worker. Recipe and clock outlive the team.
  /// Fault::kBadInput or kIo if a file of the recipe is not usable.
  static Result<std::unique_ptr<Team>> make(const Recipe& recipe, const Clock& clock);
  ~Team();

  /// Advances every worker to `step` finished steps. `stop`, once true, ends it early: at the
  /// nearest step that all workers can finish together. Afterwards all have finished the same
  /// steps.
  Result<void> run_to(int64_t step, const Events& events, const std::atomic<bool>& stop);

  int64_t steps() const { return workers_.front()->steps(); }
  const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
  LocalExchange& exchange() { return *exchange_; }
  const LocalExchange& exchange() const { return *exchange_; }
  const BoundPlan& plan() const { return basis_->plan(); }
  const Recipe& recipe() const { return recipe_; }
  const Model& model() const { return basis_->model(); }
  Threads& threads() { return threads_; }
  const std::shared_ptr<const Placement>& placement() const { return basis_->placement(); }

  /// Sites with their opened sources; worker m belongs to site m modulo their number.
  const std::vector<Sources>& sources() const { return basis_->sources(); }
  int32_t site_of(WorkerId worker) const { return basis_->site_of(worker); }

  /// Bytes that all workers have sent and received so far.
  RunBytes bytes() const;

  /// Writes the mean of all replicas' parameters, in member order, to `out`.
  void mean_parameters(Arena& out);

 private:
  Team(const Recipe& recipe, const Clock& clock);
  struct Shift;
  void carry(Shift& shift, bool main_thread);

  const Recipe& recipe_;
  const Clock& clock_;
  Threads threads_;
  std::unique_ptr<Basis> basis_;
  std::unique_ptr<LocalExchange> exchange_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

/// How the calling thread computes: with so many threads of LibTorch, denormals flushed. Every
/// thread that touches replicas calls it once, before its first computation.
void prepare_compute_threads(int32_t threads);
/// The same with one thread.
void prepare_compute_thread();

/// Threads for one worker's step: what is left of `run.threads` when each worker has one.
int32_t threads_of_worker(const Recipe& recipe);

/// Threads for `run.threads`: 0 stands for the machine's cores.
int32_t thread_count(int64_t option);

}  // namespace causeway
