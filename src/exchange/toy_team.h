// SPDX-License-Identifier: Apache-2.0
//
// Workers for tests: toy replicas that take the steps of the training loop over one LocalExchange.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "exchange/local.h"
#include "sync/toy_replica.h"

namespace causeway {

class ToyTeam {
 public:
  /// Called at each hook, before the engine: a test may spoil the replica here.
  using Disturb = std::function<void(ToyReplica&, WorkerId, Hook, int64_t step)>;
  struct Options {
    Names moments;
    int32_t threads = 1;
    Disturb disturb;
  };
  struct Worker {
    Worker(const BoundPlan& plan, int64_t count, WorkerId worker, const Names& moments,
           Exchange& exchange)
        : id(worker), replica(count, id, moments), engine(plan, id, replica, exchange) {}

    WorkerId id;
    ToyReplica replica;
    Engine engine;
    Hook hook = Hook::kAfterBackward;
    bool entered = false, updates = false;
    int64_t steps = 0, tokens = 0;
  };

  /// The plan outlives the team.
  ToyTeam(const BoundPlan& plan, const Layout& layout, Options options)
      : plan_(plan),
        count_(layout.count()),
        moments_(options.moments),
        disturb_(std::move(options.disturb)),
        threads_(options.threads),
        exchange_(plan) {
    for (WorkerId id = 0; id < plan.options().workers; ++id)
      workers_.push_back(std::make_unique<Worker>(plan, count_, id, moments_, exchange_));
  }

  /// Until all have finished `step` steps: each goes on until it waits, then the exchange folds.
  void run_to(int64_t step) {
    const auto behind = [step](const auto& worker) { return worker->steps < step; };
    while (std::any_of(workers_.begin(), workers_.end(), behind)) {
      threads_.each(std::ssize(workers_),
                    [&](int64_t id) { advance(*workers_[static_cast<size_t>(id)], step); });
      std::vector<RoundOutcome> decided = exchange_.pump(threads_);
      CW_CHECK(!decided.empty() || std::none_of(workers_.begin(), workers_.end(), behind),
               "all workers wait and nothing is decided");
      for (RoundOutcome& outcome : decided) {
        decisions_.push_back(decision(outcome));
        outcomes_.push_back(std::move(outcome));
      }
    }
  }

  /// Puts a fresh worker in the place of one that is between steps, over `exchange`.
  Worker& renew(WorkerId id, Exchange& exchange) {
    auto& place = workers_[static_cast<size_t>(id)];
    place = std::make_unique<Worker>(plan_, count_, id, moments_, exchange);
    return *place;
  }

  /// Takes over all that another team of the same plan must keep over a restart.
  void resume(const ToyTeam& from) {
    for (size_t i = 0; i < workers_.size(); ++i) {
      const Worker& old = *from.workers_[i];
      workers_[i]->replica = old.replica;
      CW_CHECK(workers_[i]->engine.restore(ByteSource::borrow(old.engine.snapshot())).ok());
      workers_[i]->steps = old.steps;
      workers_[i]->tokens = old.tokens;
    }
    exchange_.states() = from.exchange_.states();
    CW_CHECK(exchange_.restore(from.exchange_.snapshot()).ok());
  }

  /// Tokens that a worker trains in a step.
  static int64_t step_tokens(WorkerId id) { return 10 * (id + 1); }

  Worker& worker(WorkerId id) { return *workers_[static_cast<size_t>(id)]; }
  ToyReplica& replica(WorkerId id) { return worker(id).replica; }
  Engine& engine(WorkerId id) { return worker(id).engine; }
  const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
  LocalExchange& exchange() { return exchange_; }
  const std::vector<RoundOutcome>& outcomes() const { return outcomes_; }
  /// What was decided: the commit of round 1, 2, ..., or null if it was aborted.
  const std::vector<std::shared_ptr<const Commit>>& decisions() const { return decisions_; }

 private:
  std::shared_ptr<const Commit> decision(const RoundOutcome& outcome) {
    const Commit* commit = nullptr;
    const bool ready = exchange_.poll(outcome.round, 0, commit) == Poll::kReady;
    return ready ? std::make_shared<const Commit>(*commit) : nullptr;
  }
  void advance(Worker& worker, int64_t last) {
    while (worker.steps < last) {
      if (!worker.entered) enter(worker);
      const Go go =
          worker.engine.at(worker.hook, worker.steps + 1, worker.tokens, ToyReplica::kRate);
      if (go == Go::kWait) return;
      leave(worker, go);
    }
  }
  void enter(Worker& worker) {
    worker.entered = true;
    const int64_t step = worker.steps + 1;
    if (worker.hook == Hook::kAfterBackward && worker.engine.trains(step)) {
      worker.replica.backward(step);
      worker.tokens += step_tokens(worker.id);
    }
    if (worker.hook == Hook::kAfterUpdate && worker.updates) worker.replica.update();
    if (disturb_) disturb_(worker.replica, worker.id, worker.hook, step);
  }
  static void leave(Worker& worker, Go go) {
    worker.entered = false;
    switch (worker.hook) {
      case Hook::kAfterBackward:
        worker.updates = go == Go::kUpdate;
        worker.hook = Hook::kBeforeUpdate;
        return;
      case Hook::kBeforeUpdate:
        worker.hook = Hook::kAfterUpdate;
        return;
      case Hook::kAfterUpdate:
        worker.hook = Hook::kAfterBackward;
        ++worker.steps;
        return;
    }
  }

  const BoundPlan& plan_;
  const int64_t count_;
  const Names moments_;
  const Disturb disturb_;
  Threads threads_;
  LocalExchange exchange_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<RoundOutcome> outcomes_;
  std::vector<std::shared_ptr<const Commit>> decisions_;
};

}  // namespace causeway
