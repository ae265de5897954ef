// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "exchange/hub_options.h"
#include "exchange/trainer.h"
#include "hub/hub_host.h"
#include "hub/hub_machine.h"
#include "sim/event.h"
#include "sim/machine.h"
#include "sim/observer.h"
#include "sim/sim_disk.h"

namespace causeway {

/// The hub's options in a scenario, with defaults for small models and quick rounds.
struct SimHubOptions : HubOptions {
  double code_mbyte_per_s = 500;
  std::string token = "open sesame";

  SimHubOptions() {
    deadline_ms_min = 1'000;
    deadline_ms_max = 10'000;
    lease_ms = 10'000;
    chunk_bytes = 4'096;
    window_bytes = 65'536;
    spool_bytes = 256 << 20;
  }

  template <class Visit>
  void each(Visit&& visit) {
    HubOptions::each(visit);
    visit("code_mbyte_per_s", code_mbyte_per_s, Range<double>{0.001, 1e6}, "MB/s",
          "How fast it checks and folds.");
    visit("token", token, Any{}, "", "What workers must show.");
  }
};

/// The hub's computer and process. Only the world calls it.
class HubNode {
 public:
  static constexpr const char* kLog = "log";

  explicit HubNode(World& world);
  ~HubNode();

  // ---- What may befall it.
  /// Starts the process from what is on its disk. Not if it is up already.
  void boot();
  /// The process dies; with the power also what was not synced.
  void crash(bool power);
  void pause();
  void resume();
  void clock_changed();
  /// If its log could not be written, the process ends and starts again; by itself a second later.
  void restart_if_halted();

  void happen(const Event& event);

  // ---- What observers look at.
  bool up() const { return machine_ != nullptr; }
  bool paused() const { return paused_; }
  int64_t incarnation() const { return incarnation_; }          ///< starts so far
  const HubMachine* machine() const { return machine_.get(); }  ///< null: down
  const HubHost* host() const { return host_.get(); }
  const DurableLog* log() const { return log_.get(); }
  Spool* spool() const { return spool_.get(); }
  const RoundSchedule& schedule() const { return schedule_; }
  const HubSettings& settings() const { return settings_; }
  SimDisk& disk() { return disk_; }
  const SimDisk& disk() const { return disk_; }
  LocalClock& clock() { return clock_; }
  /// What its host has begun and not ended, and messages while it is stopped.
  size_t pending() const { return pending_.size(); }
  size_t stalled() const { return stalled_.size(); }
  /// Bytes reserved in the spool, and those that wait to be written; and the most that there were.
  int64_t held_bytes() const;
  int64_t held_bytes_max() const { return held_bytes_max_; }
  /// What the hub's own code holds of the heap: machine, host, spool, schedule, and what was asked
  /// of the host and is not done. 0 while it is down.
  int64_t memory_bytes() const;
  /// Why it cannot start; empty if it can.
  const std::string& trouble() const { return trouble_; }

 private:
  struct Pending {
    int64_t at_us = 0;
    int64_t bytes = 0;
    HubOutput output;
  };

  Result<void> start_process();
  void stop_process();
  void start_again_later();
  void arrive(const Event& event);
  void finish_some();
  void tick();
  void tell(const HubInput& input);
  void act();
  void take(HubOutput& output);
  Result<SharedBytes> serve(const SendChunk& chunk);
  void begin(HubOutput& output);
  void end(const HubOutput& output, const std::optional<HubInput>& result);
  int64_t latency_us(const HubOutput& output, int64_t bytes);
  void arm();
  void arm_done();
  int64_t now_ms() const;

  World& world_;
  const Course& course_;
  const SimHubOptions& options_;
  const HubSettings settings_;
  const RoundSchedule schedule_;
  Threads threads_{1};
  SimDisk disk_;
  LocalClock clock_{5'000'000};
  Chance latency_chance_;

  std::unique_ptr<DurableLog> log_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<HubHost> host_;
  std::unique_ptr<HubMachine> machine_;
  std::vector<HubOutput> out_;
  std::vector<BlobId> rotten_;   // found while serving them
  std::deque<Pending> pending_;  // in order of begin and of end
  int64_t pending_bytes_ = 0, held_bytes_max_ = 0;
  std::deque<Event> stalled_;  // while paused

  bool paused_ = false, done_armed_ = false, told_halted_ = false, starts_again_ = false;
  std::string trouble_;
  int64_t incarnation_ = 0;
  uint64_t life_ = 0, timer_ = 0;
  int64_t timer_us_ = -1;
};

}  // namespace causeway
