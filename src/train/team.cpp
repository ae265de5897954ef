// SPDX-License-Identifier: Apache-2.0
#include "train/team.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "data/safetensors.h"
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
  CW_CHECK(recipe.model_plugin != nullptr && recipe.optimizer != nullptr,
           "a recipe with mistakes must not be run");
  std::unique_ptr<Team> team(new Team(recipe, clock));
  const Model& model = *recipe.model_plugin;
  team->placement_ = std::make_shared<const Placement>(model.layout());
  CW_ASSIGN(team->sources_, open_sites(recipe));

  std::vector<Worker::Parts> parts;
  for (WorkerId id = 0; id < recipe.workers(); ++id) {
    auto replica = std::make_unique<TrainReplica>(model, team->placement_, *recipe.optimizer,
                                                  recipe.step_options());
    CW_ASSIGN(auto feed, team->open_feed(id));
    parts.push_back({id, std::move(replica), std::move(feed)});
  }
  Arena& first = parts.front().replica->arena("x");
  if (recipe.model.init.empty())
    model.initialise(static_cast<uint64_t>(recipe.run.seed), first);
  else
    CW_TRY(read_weights(recipe.model.init, first));
  for (const Worker::Parts& part : parts)
    if (part.id > 0) part.replica->arena("x").flat().copy_(first.flat());

  BindOptions options;
  options.workers = recipe.workers();
  options.seed = static_cast<uint64_t>(recipe.run.seed);
  for (WorkerId id = 0; id < recipe.workers(); ++id)
    options.fixed_weights.push_back(
        recipe.sites.empty() ? 1
                             : recipe.sites[static_cast<size_t>(team->site_of(id))].options.weight);
  Mistakes mistakes;
  team->plan_ = BoundPlan::bind(recipe.plan, model.layout(), parts.front().replica->states(),
                                std::move(options), mistakes);
  if (team->plan_ == nullptr) return failure(Fault::kBadInput, "{}", mistakes.text());
  team->exchange_ = std::make_unique<LocalExchange>(*team->plan_);
  for (Worker::Parts& part : parts)
    team->workers_.push_back(
        std::make_unique<Worker>(recipe, *team->plan_, *team->exchange_, clock, std::move(part)));
  return team;
}

Result<Worker::Parts> Team::fresh_parts(WorkerId id) const {
  auto replica = std::make_unique<TrainReplica>(*recipe_.model_plugin, placement_,
                                                *recipe_.optimizer, recipe_.step_options());
  const TrainReplica& like = workers_[static_cast<size_t>(id)]->replica();
  replica->arena("x").flat().copy_(like.arena("x").flat());
  CW_ASSIGN(auto feed, open_feed(id));
  return Worker::Parts{id, std::move(replica), std::move(feed)};
}

int32_t Team::site_of(WorkerId worker) const {
  return recipe_.sites.empty() ? 0 : worker % static_cast<int32_t>(recipe_.sites.size());
}

/// The recording must serve the whole run, before any of it is done.
Result<void> Team::check_recording() const {
  CW_ASSIGN(const Safetensors file, Safetensors::open(recipe_.data.recorded));
  CW_ASSIGN(const TensorView tokens, file.find("tokens"));
  const std::vector<int64_t> wanted{recipe_.run.steps, recipe_.workers(), recipe_.rows(),
                                    recipe_.model_plugin->context() + 1};
  const bool serves = tokens.shape.size() == 4 && tokens.shape[0] >= wanted[0] &&
                      tokens.shape[1] >= wanted[1] && tokens.shape[2] == wanted[2] &&
                      tokens.shape[3] == wanted[3];
  if (serves) return {};
  return failure(Fault::kBadInput,
                 "{}: `tokens` is [{}]; this run wants [steps >= {}, workers >= {}, rows {}, "
                 "context + 1 = {}]: change run.steps, sync.workers, train.batch_tokens or "
                 "model.context",
                 recipe_.data.recorded, fmt::join(tokens.shape, ", "), wanted[0], wanted[1],
                 wanted[2], wanted[3]);
}

Result<std::unique_ptr<Feed>> Team::open_feed(WorkerId worker) const {
  if (!recipe_.data.recorded.empty()) {
    CW_TRY(check_recording());
    return recorded_feed(recipe_.data.recorded, worker);
  }
  const auto site = static_cast<size_t>(site_of(worker));
  std::vector<WeightedSource> weighted;
  for (size_t i = 0; i < sources_[site].size(); ++i) {
    const int64_t tokens = sources_[site][i]->train_tokens();
    if (tokens < recipe_.model_plugin->context() + 1)
      return failure(Fault::kBadInput,
                     "site {}: a source has {} training tokens; wanted: at least context + 1 = {}",
                     recipe_.sites[site].options.name, tokens, recipe_.model_plugin->context() + 1);
    weighted.push_back({sources_[site][i], recipe_.sites[site].sources[i].weight,
                        recipe_.sites[site].options.name, recipe_.tokenizer->vocabulary()});
  }
  return mixed_feed(std::move(weighted), static_cast<uint64_t>(recipe_.run.seed), worker);
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
