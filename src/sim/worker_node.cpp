// SPDX-License-Identifier: Apache-2.0
#include "sim/worker_node.h"

#include <algorithm>
#include <map>

#include "sim/world.h"

namespace causeway {

/// What the engine talks to: the machine, with a note of what was settled.
class WorkerNode::Ear final : public Exchange {
 public:
  explicit Ear(WorkerNode& node) : node_(node) {}

  void launch(Offer offer) override {
    for (Lie* lie : node_.lies_) lie->edit(node_.course_, offer);
    node_.machine_->launch(std::move(offer));
  }
  Poll poll(int64_t round, WorkerId worker, const Commit*& commit) override {
    const Poll poll = node_.machine_->poll(round, worker, commit);
    if (poll != Poll::kPending) committed_[round] = poll == Poll::kReady;
    return poll;
  }
  void settled(int64_t round, WorkerId worker, const Digest& replicated) override {
    node_.machine_->settled(round, worker, replicated);
    node_.applied_ = std::max(node_.applied_, round);
    const auto polled = committed_.find(round);
    const bool committed = polled != committed_.end() && polled->second;
    committed_.erase(committed_.begin(), committed_.upper_bound(round));
    node_.world_.settled(worker, round, replicated, committed);
  }
  bool expects(int64_t round, WorkerId worker) const override {
    return node_.machine_->expects(round, worker);
  }
  void forget() { committed_.clear(); }

 private:
  WorkerNode& node_;
  std::map<int64_t, bool> committed_;  // rounds that were polled and are not settled
};

WorkerNode::WorkerNode(World& world, WorkerId id)
    : world_(world),
      id_(id),
      course_(world.course()),
      options_(world.scenario().worker),
      disk_(Chance(world.seed(), Purpose::kWorkerDisk, static_cast<uint32_t>(id)).bits(),
            world.scenario().disk.worker_bytes),
      clock_(1'000 * (int64_t{id} + 1)),
      speed_chance_(world.seed(), Purpose::kWorkerSpeed, static_cast<uint32_t>(id)),
      disk_chance_(world.seed() + 1, Purpose::kWorkerDisk, static_cast<uint32_t>(id)),
      incarnation_chance_(world.seed(), Purpose::kIncarnation, static_cast<uint32_t>(id)),
      ear_(std::make_unique<Ear>(*this)) {}

WorkerNode::~WorkerNode() {
  trainer_.reset();
  machine_.reset();
}

int64_t WorkerNode::now_ms() const { return clock_.now_ms(world_.now_us()); }

bool WorkerNode::finished() const {
  return trainer_ != nullptr && !trainer_->within_step() && trainer_->steps() >= course_.steps();
}

bool WorkerNode::settled_down() const {
  if (returns_ > 0) return false;
  return abandoned_ || !up() || gone() || finished();
}

void WorkerNode::spoil(float value) {
  if (trainer_ != nullptr) trainer_->spoil(value);
}

// ---- Life.

WorkerSettings WorkerNode::settings() const {
  WorkerSettings out;
  out.worker = id_;
  out.plan = world_.plan_digest();
  out.layout = course_.layout().digest();
  out.build = World::kBuild;
  out.token = options_.token;
  out.genesis = world_.genesis_digest();
  out.retry_ms_min = out.bytes_retry_ms_min = options_.retry_ms_min;
  out.retry_ms_max = out.bytes_retry_ms_max = options_.retry_ms_max;
  return out;
}

void WorkerNode::start_fresh(int64_t applied) {
  trainer_.reset();
  machine_ = std::make_unique<WorkerMachine>(settings(), incarnation_chance_.bits() | 1U, applied);
  trainer_ = course_.trainer(id_, *ear_);
  applied_ = saved_ = applied;
}

void WorkerNode::boot() {
  if (up() && !gone()) return;
  stop_process();
  ++boots_;
  if (!restore_checkpoint()) start_fresh(has_state_ ? 0 : -1);
  world_.tell(id_, "starts; has applied round {}", applied_);
  world_.lived(id_, Life::kBooted);
  go_on();
}

bool WorkerNode::restore_checkpoint() {
  const auto size = disk_.size(kCheckpoint);
  if (!size) return false;
  const auto file = disk_.read(kCheckpoint, 0, *size);
  auto loaded = file ? load(*file) : Result<void>(file.error());
  if (loaded) return true;
  world_.tell(id_, "cannot use its checkpoint: {}", loaded.error().message);
  has_state_ = false;
  return false;
}

Result<void> WorkerNode::load(ByteSpan file) {
  constexpr size_t kDigestBytes = 16;
  if (file.size() < kDigestBytes) return failure(Fault::kCorrupt, "it has {} bytes", file.size());
  const ByteSpan body = file.first(file.size() - kDigestBytes);
  ByteReader tail(file.last(kDigestBytes));
  CW_ASSIGN(const auto high, tail.get<uint64_t>());
  CW_ASSIGN(const auto low, tail.get<uint64_t>());
  if (digest_of(body) != Digest{high, low})
    return failure(Fault::kCorrupt, "its digest is not that of its bytes");
  ByteReader reader(body);
  CW_ASSIGN(const auto applied, reader.get<int64_t>());
  CW_ASSIGN(const auto trainer_size, reader.get<uint64_t>());
  CW_ASSIGN(const auto trainer, reader.take(trainer_size));
  start_fresh(applied);
  CW_TRY(trainer_->restore(trainer));
  return machine_->restore(*reader.take(reader.left()));
}

void WorkerNode::stop_process() {
  ++life_;
  ++timer_;
  timer_us_ = -1;
  computing_ = step_ready_ = writing_ = paused_ = told_gone_ = told_finished_ = false;
  for (const Event& event : stalled_)
    if (event.kind == EventKind::kWorkerArrival) world_.take_parcel(event.number);
  stalled_.clear();
  ear_->forget();
  trainer_.reset();
  machine_.reset();
}

void WorkerNode::crash(Crash how) {
  if (!up()) return;
  world_.tell(id_, "is killed{}{}", how.power ? "" : " (its disk goes on)",
              how.lose_disk ? ", its disk is lost" : "");
  stop_process();
  if (how.power) disk_.crash();
  if (how.lose_disk) {
    const auto names = disk_.list();
    CW_CHECK(names.ok());
    for (const std::string& name : *names) CW_CHECK(disk_.remove(name).ok());
    has_state_ = false;
  }
  world_.lived(id_, Life::kCrashed);
}

void WorkerNode::pause() {
  if (!up() || paused_) return;
  paused_ = true;
  world_.tell(id_, "is stopped");
  world_.lived(id_, Life::kPaused);
}

void WorkerNode::resume() {
  if (!up() || !paused_) return;
  paused_ = false;
  world_.tell(id_, "goes on; {} events have waited", stalled_.size());
  world_.lived(id_, Life::kResumed);
  const uint64_t life = life_;
  while (!stalled_.empty() && life == life_) {
    const Event event = stalled_.front();
    stalled_.pop_front();
    happen(event);
  }
  if (up()) go_on();
}

void WorkerNode::stall(const Event& event) {
  // Sockets hold so much and no more.
  constexpr size_t kStalledMax = 10'000;
  if (stalled_.size() < kStalledMax)
    stalled_.push_back(event);
  else if (event.kind == EventKind::kWorkerArrival)
    world_.take_parcel(event.number);
}

void WorkerNode::preempt(int64_t grace_ms, std::string reason) {
  if (!up() || gone()) return;
  world_.tell(id_, "is told to leave: {}", reason);
  machine_->leave(now_ms(), grace_ms, std::move(reason));
  if (!paused_) go_on();
}

void WorkerNode::clock_changed() {
  if (up() && !paused_) go_on();
}

// ---- Events.

void WorkerNode::happen(const Event& event) {
  const bool arrival = event.kind == EventKind::kWorkerArrival;
  if (!up() ||
      (!arrival && event.number != (event.kind == EventKind::kWorkerTimer ? timer_ : life_))) {
    if (arrival) world_.take_parcel(event.number);
    return;
  }
  if (paused_) return stall(event);
  switch (event.kind) {
    case EventKind::kWorkerArrival:
      arrive(event.number);
      break;
    case EventKind::kWorkerTimer:
      timer_us_ = -1;
      break;
    case EventKind::kWorkerComputed:
      computing_ = false;
      step_ready_ = true;
      break;
    case EventKind::kWorkerSynced:
      finish_checkpoint();
      break;
    default:
      CW_CHECK(false, "an event of kind {} for worker {}", static_cast<int>(event.kind), id_);
  }
  go_on();
}

void WorkerNode::arrive(uint64_t slot) {
  const auto message = world_.receive(id_, world_.take_parcel(slot));
  if (message) machine_->on(now_ms(), *message, out_);
}

/// Everything that can be done now, until it must wait for time or for a message.
void WorkerNode::go_on() {
  // Steps without training take no time, but not all of them in one event.
  constexpr int kFollowedMax = 256;
  tick();
  for (int followed = 0; !computing_ && take_state() && !finished(); ++followed) {
    if (start_step()) break;
    if (followed == kFollowedMax) {
      set_timer(world_.now_us());
      break;
    }
    step_ready_ = false;
    const bool stepped = trainer_->advance().value() == Trainer::Status::kStepped;
    if (stepped) step_edge();
    tick();
    if (!stepped) break;
  }
  if (finished() && !told_finished_) {
    told_finished_ = true;
    world_.tell(id_, "has taken all {} steps", course_.steps());
  }
  arm();
}

/// True if the trainer may go on.
bool WorkerNode::take_state() {
  using State = WorkerMachine::State;
  if (machine_->state() == State::kGone && !told_gone_) {
    told_gone_ = true;
    world_.tell(id_, "is gone: {}", machine_->gone_reason());
    world_.lived(id_, Life::kGone);
  }
  if (machine_->state() == State::kFetch) {
    const auto snapshot = machine_->snapshot();
    if (!snapshot) return false;
    step_ready_ = false;
    trainer_ = course_.trainer(id_, *ear_);
    ear_->forget();
    const auto joined = trainer_->join(*snapshot);
    CW_CHECK(joined.ok(), "worker {} cannot join: {}", id_, joined.error().message);
    applied_ = *joined;
    has_state_ = true;
    ++joins_;
    machine_->joined(applied_, trainer_->open_rounds());
    machine_->set_progress(trainer_->steps(), 0, 0);
    world_.tell(id_, "joins at step {}, after round {}", trainer_->steps(), applied_);
    world_.lived(id_, Life::kJoined);
    tick();
  }
  return machine_->state() == State::kTrain;
}

/// True if a step that takes time has begun.
bool WorkerNode::start_step() {
  if (step_ready_ || trainer_->within_step() || !trainer_->trains()) return false;
  const double jitter = 1 + options_.step_jitter * speed_chance_.uniform();
  const double step_us = options_.step_ms * 1'000 * slowness_ * jitter;
  computing_ = true;
  world_.after_us(static_cast<int64_t>(step_us), {EventKind::kWorkerComputed, id_, life_});
  return true;
}

void WorkerNode::step_edge() {
  machine_->set_progress(trainer_->steps(), 0, 0);
  if (options_.checkpoint_rounds > 0 && applied_ - saved_ >= options_.checkpoint_rounds &&
      !writing_)
    write_checkpoint();
}

void WorkerNode::tick() {
  machine_->tick(now_ms(), out_);
  flush();
}

void WorkerNode::flush() {
  for (Message& message : out_) {
    for (Lie* lie : lies_) lie->edit(message, more_);
    world_.send_to_hub(id_, message);
  }
  out_.clear();
  for (const Message& message : more_) world_.send_to_hub(id_, message);
  more_.clear();
}

void WorkerNode::arm() {
  const int64_t wake_ms = machine_->wake_ms();
  if (wake_ms == INT64_MAX || gone()) return;
  // A wake that is due already comes in a millisecond: what had to be said has been said.
  const int64_t at_us = clock_.reaches_us(std::max(wake_ms, now_ms() + 1), world_.now_us());
  if (timer_us_ < 0 || timer_us_ > at_us) set_timer(at_us);
}

void WorkerNode::set_timer(int64_t at_us) {
  timer_us_ = at_us;
  world_.after_us(at_us - world_.now_us(), {EventKind::kWorkerTimer, id_, ++timer_});
}

// ---- Checkpoints.

void WorkerNode::write_checkpoint() {
  const std::string fresh = std::string(kCheckpoint) + ".new";
  Bytes body;
  ByteWriter writer(body);
  const Bytes trainer = trainer_->save();
  writer.put(applied_);
  writer.put(static_cast<uint64_t>(trainer.size()));
  writer.put(ByteSpan(trainer));
  const Bytes machine = machine_->save();
  writer.put(ByteSpan(machine));
  const Digest digest = digest_of(body);
  writer.put(digest.high);
  writer.put(digest.low);
  if (disk_.size(fresh)) CW_CHECK(disk_.remove(fresh).ok());
  if (auto written = disk_.append(fresh, body); !written) {
    world_.tell(id_, "cannot write a checkpoint: {}", written.error().message);
    if (disk_.size(fresh)) CW_CHECK(disk_.remove(fresh).ok());
    saved_ = applied_;  // tried again after the next round
    return;
  }
  const int64_t latency_us = world_.scenario().disk.latency_us(std::ssize(body), disk_chance_);
  writing_ = true;
  world_.after_us(latency_us, {EventKind::kWorkerSynced, id_, life_});
  saved_ = applied_;
}

void WorkerNode::finish_checkpoint() {
  const std::string fresh = std::string(kCheckpoint) + ".new";
  writing_ = false;
  auto done = disk_.sync(fresh);
  if (done) done = disk_.rename(fresh, kCheckpoint);
  if (done)
    ++checkpoints_;
  else
    world_.tell(id_, "cannot keep a checkpoint: {}", done.error().message);
}

}  // namespace causeway
