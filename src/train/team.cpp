// SPDX-License-Identifier: Apache-2.0
#include "train/team.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <thread>

#include "train/weights.h"

namespace causeway {
namespace {

/// Keeps the calling thread and those that LibTorch gives it on cores of their own.
void pin_threads(int32_t threads, int32_t first_core) {
  at::parallel_for(0, threads, 1, [first_core](int64_t begin, int64_t) {
    pin_to_core(first_core + static_cast<int32_t>(begin));
  });
}

}  // namespace

void prepare_compute_threads(int32_t threads) {
  at::globalContext().setFlushDenormal(true);  // LibTorch's own threads start with it then
  at::set_num_threads(threads);
}

void prepare_compute_thread() { prepare_compute_threads(1); }

int32_t threads_of_worker(const Recipe& recipe) {
  const int32_t threads = thread_count(recipe.run.threads);
  return threads / std::min(threads, recipe.workers());
}

int32_t thread_count(int64_t option) {
  if (option > 0) return static_cast<int32_t>(option);
  return static_cast<int32_t>(std::max(1u, std::thread::hardware_concurrency()));
}

Team::Team(const Recipe& recipe, const Clock& clock)
    : recipe_(recipe),
      clock_(clock),
      threads_(std::min(thread_count(recipe.run.threads), recipe.workers()),
               [share = threads_of_worker(recipe), pin = recipe.run.pin,
                next = std::make_shared<std::atomic<int32_t>>(0)] {
                 prepare_compute_threads(share);
                 if (pin) pin_threads(share, share * (*next)++);
               }) {}

Team::~Team() = default;

Result<std::unique_ptr<Team>> Team::make(const Recipe& recipe, const Clock& clock) {
  std::vector<WorkerId> ids(static_cast<size_t>(recipe.workers()));
  std::iota(ids.begin(), ids.end(), 0);
  std::unique_ptr<Team> team(new Team(recipe, clock));
  CW_ASSIGN(team->basis_, Basis::make(recipe, ids));
  team->exchange_ = std::make_unique<LocalExchange>(team->plan());
  for (const WorkerId id : ids) {
    CW_ASSIGN(Worker::Parts parts, team->basis_->parts(id));
    if (id == 0)
      CW_TRY(team->basis_->first_weights(*parts.replica));
    else
      parts.replica->arena("x").flat().copy_(team->workers_[0]->replica().arena("x").flat());
    team->workers_.push_back(
        std::make_unique<Worker>(recipe, team->plan(), *team->exchange_, clock, std::move(parts)));
  }
  return team;
}

/// One call of run_to, shared by the threads that carry it.
struct Team::Shift {
  int64_t target = 0;
  const Events& events;
  const std::atomic<bool>& stop;

  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::pair<int64_t, WorkerId>> ready;  ///< by steps finished: who is behind goes first
  std::set<WorkerId> waiting;
  int32_t running = 0;
  int64_t begun = 0;  ///< the furthest step that any worker has begun
  std::optional<Error> error;
  std::map<std::pair<int64_t, WorkerId>, std::pair<StepReport, std::string>> reports;
  std::vector<int64_t> steps;  ///< finished, by worker

  /// Reports of steps that every worker has finished, in order. The lock is held.
  std::vector<std::pair<StepReport, std::string>> take_reports() {
    const int64_t finished = *std::min_element(steps.begin(), steps.end());
    std::vector<std::pair<StepReport, std::string>> out;
    while (!reports.empty() && reports.begin()->first.first <= finished) {
      out.push_back(std::move(reports.begin()->second));
      reports.erase(reports.begin());
    }
    return out;
  }
};

Result<void> Team::run_to(int64_t step, const Events& events, const std::atomic<bool>& stop) {
  Shift shift{step, events, stop, {}, {}, {}, {}, 0, steps(), {}, {}, {}};
  for (const auto& worker : workers_) {
    shift.steps.push_back(worker->steps());
    if (worker->steps() < step) shift.ready.emplace(worker->steps(), worker->id());
  }
  while (!shift.ready.empty() && !shift.error) {
    threads_.each(threads_.count(), [&](int64_t thread) { carry(shift, thread == 0); });
    if (shift.error || shift.waiting.empty()) break;
    const int64_t began_ns = clock_.now_ns();
    const auto outcomes = exchange_->pump(threads_);
    const double seconds = static_cast<double>(clock_.now_ns() - began_ns) * 1e-9;
    CW_CHECK(!outcomes.empty(), "every worker waits and no round can be folded");
    for (const RoundOutcome& outcome : outcomes)
      if (events.on_round) events.on_round(outcome, seconds / static_cast<double>(outcomes.size()));
    for (const WorkerId id : shift.waiting)
      shift.ready.emplace(shift.steps[static_cast<size_t>(id)], id);
    shift.waiting.clear();
  }
  for (const auto& [report, skipped] : shift.take_reports())
    if (events.on_step) events.on_step(report, skipped);
  if (shift.error) return *shift.error;
  return {};
}

/// Steps workers until nobody can go on: all have arrived, or wait for a consensus.
void Team::carry(Shift& shift, bool main_thread) {
  std::unique_lock lock(shift.mutex);
  while (true) {
    if (shift.stop) shift.target = std::min(shift.target, std::max(shift.begun, steps()));
    std::erase_if(shift.ready, [&](const auto& entry) { return entry.first >= shift.target; });
    if (shift.error || (shift.ready.empty() && shift.running == 0)) break;
    if (shift.ready.empty()) {
      shift.changed.wait(lock);
      continue;
    }
    const auto [steps, id] = *shift.ready.begin();
    shift.ready.erase(shift.ready.begin());
    shift.begun = std::max(shift.begun, steps + 1);
    ++shift.running;
    lock.unlock();
    Worker& worker = *workers_[static_cast<size_t>(id)];
    const Worker::Status status = worker.advance();
    lock.lock();
    --shift.running;
    if (status == Worker::Status::kFailed) {
      if (!shift.error) shift.error = worker.error();
    } else if (status == Worker::Status::kWaiting) {
      shift.waiting.insert(id);
    } else {
      shift.steps[static_cast<size_t>(id)] = worker.steps();
      shift.reports[{worker.steps(), id}] = {worker.report(), worker.skipped()};
      shift.ready.emplace(worker.steps(), id);
    }
    shift.changed.notify_all();
    if (!main_thread) continue;
    const auto reports = shift.take_reports();
    lock.unlock();
    for (const auto& [report, skipped] : reports)
      if (shift.events.on_step) shift.events.on_step(report, skipped);
    if (shift.events.on_tick) shift.events.on_tick();
    lock.lock();
  }
  shift.changed.notify_all();
}

RunBytes Team::bytes() const {
  RunBytes out;
  for (const auto& worker : workers_) {
    const Traffic& traffic = worker->engine().counters().traffic;
    out.up += traffic.up_bytes;
    out.down += traffic.down_bytes;
  }
  return out;
}

void Team::mean_parameters(Arena& out) {
  Mistakes none;
  const auto mean = make_plugin(rules(), "rule", Plugin{"mean", {}}, none);
  const auto target = out.values();
  const std::vector<int64_t> weights(workers_.size(), 1);
  const auto tiles = (static_cast<int64_t>(target.size()) + kBlockValues - 1) / kBlockValues;
  threads_.each(tiles, [&](int64_t tile) {
    const auto begin = static_cast<size_t>(tile * kBlockValues);
    const size_t count = std::min(static_cast<size_t>(kBlockValues), target.size() - begin);
    std::vector<std::span<const float>> rows;
    for (const auto& worker : workers_)
      rows.push_back(std::as_const(*worker).replica().arena("x").values().subspan(begin, count));
    mean->fold(rows, weights, target.subspan(begin, count));
  });
}

}  // namespace causeway
