// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "exchange/trainer.h"
#include "exchange/worker_machine.h"
#include "sim/event.h"
#include "sim/machine.h"
#include "sim/observer.h"
#include "sim/sim_disk.h"

namespace causeway {

struct WorkerOptions {
  double step_ms = 50, step_jitter = 0.1;
  int64_t checkpoint_rounds = 1;
  int64_t retry_ms_min = 100, retry_ms_max = 10'000;
  std::string token = "open sesame";

  template <class Visit>
  void each(Visit&& visit) {
    visit("step_ms", step_ms, Range<double>{0.001, 3.6e6}, "ms", "Time to compute a step.");
    visit("step_jitter", step_jitter, Range<double>{0, 1}, "",
          "A step takes up to this part longer: uniform.");
    visit("checkpoint_rounds", checkpoint_rounds, Range<int64_t>{0, 1'000'000}, "rounds",
          "Between checkpoints on the worker's own disk; 0: none.");
    visit("retry_ms_min", retry_ms_min, Range<int64_t>{1, 3'600'000}, "ms",
          "First repetition of what was not answered.");
    visit("retry_ms_max", retry_ms_max, Range<int64_t>{1, 3'600'000}, "ms", "Longest repetition.");
    visit("token", token, Any{}, "", "What it shows to be admitted.");
  }
};

/// A worker that lies: it may change what its engine offers, and what goes to the network.
class Lie {
 public:
  virtual ~Lie() = default;
  virtual void edit(const Course&, Offer&) {}
  /// `more`: sent after it.
  virtual void edit(Message&, std::vector<Message>& /*more*/) {}
};

/// A worker's computer and process: machine, trainer, disk, clock. Only the world calls it.
class WorkerNode {
 public:
  WorkerNode(World& world, WorkerId id);
  ~WorkerNode();

  // ---- What may befall it.
  /// Starts the process: from the checkpoint on its disk, else from the first state. Not if it is
  /// up already.
  void boot();
  /// The process dies. Power: what was not synced is lost, too. Without its disk: it will come back
  /// with no state.
  struct Crash {
    bool power = true, lose_disk = false;
  };
  void crash(Crash how);
  void pause();
  void resume();
  /// SIGTERM.
  void preempt(int64_t grace_ms, std::string reason);
  void set_speed(double factor) { slowness_ = factor; }
  double slowness() const { return slowness_; }
  /// Call after a change to the clock.
  void clock_changed();
  void begin_lie(Lie& lie) { lies_.push_back(&lie); }
  void end_lie(const Lie& lie) { std::erase(lies_, &lie); }
  /// Makes its next offer not finite, or huge.
  void spoil(float value);
  /// The world does not wait for it any more, and does again.
  void abandon() { abandoned_ = true; }
  /// It is down or has left, and will come back: the world waits for it.
  void expect_back() { ++returns_; }
  void is_back() { --returns_; }

  // ---- What the world tells it.
  void happen(const Event& event);

  // ---- What observers look at.
  WorkerId id() const { return id_; }
  bool up() const { return machine_ != nullptr; }
  bool paused() const { return paused_; }
  bool finished() const;  ///< has taken all steps of the run
  bool gone() const { return up() && machine_->state() == WorkerMachine::State::kGone; }
  /// Nothing more is to come from it.
  bool settled_down() const;
  int64_t applied() const { return applied_; }  ///< last round settled; -1: no state
  int64_t joins() const { return joins_; }
  int64_t boots() const { return boots_; }
  int64_t checkpoints() const { return checkpoints_; }
  const WorkerMachine* machine() const { return machine_.get(); }  ///< null: down
  const Trainer* trainer() const { return trainer_.get(); }
  SimDisk& disk() { return disk_; }
  const SimDisk& disk() const { return disk_; }
  LocalClock& clock() { return clock_; }
  size_t stalled() const { return stalled_.size(); }

  static constexpr const char* kCheckpoint = "checkpoint";

 private:
  class Ear;

  WorkerSettings settings() const;
  int64_t now_ms() const;
  void start_fresh(int64_t applied);
  bool restore_checkpoint();
  Result<void> load(ByteSpan file);
  void stop_process();
  void arrive(uint64_t slot);
  void go_on();
  bool take_state();
  bool start_step();
  void step_edge();
  void tick();
  void flush();
  void arm();
  void set_timer(int64_t at_us);
  void write_checkpoint();
  void finish_checkpoint();
  void stall(const Event& event);

  World& world_;
  const WorkerId id_;
  const Course& course_;
  const WorkerOptions& options_;
  SimDisk disk_;
  LocalClock clock_;
  Chance speed_chance_, disk_chance_, incarnation_chance_;
  double slowness_ = 1;

  std::unique_ptr<Ear> ear_;
  std::unique_ptr<WorkerMachine> machine_;
  std::unique_ptr<Trainer> trainer_;
  std::vector<Message> out_, more_;
  std::vector<Lie*> lies_;
  std::deque<Event> stalled_;  // while paused

  bool paused_ = false, abandoned_ = false, has_state_ = true;
  bool computing_ = false;   // a step's time passes
  bool step_ready_ = false;  // and has passed
  bool writing_ = false, told_gone_ = false, told_finished_ = false;
  int returns_ = 0;
  int64_t applied_ = 0, saved_ = 0;
  int64_t joins_ = 0, boots_ = 0, checkpoints_ = 0;
  uint64_t life_ = 0, timer_ = 0;
  int64_t timer_us_ = -1;  // when the timer that counts will come; -1: none
};

}  // namespace causeway
