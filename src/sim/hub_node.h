// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "hub/hub_host.h"
#include "hub/hub_machine.h"
#include "sim/event.h"
#include "sim/machine.h"
#include "sim/observer.h"
#include "sim/sim_disk.h"
#include "sim/trainer.h"

namespace causeway {

/// The hub's options in a scenario: HubSettings without what follows from the course.
struct HubOptions {
  int64_t start_members = 0;
  int64_t quorum_count = 1;
  double quorum_weight = 0.5;
  int64_t grace_ms = 0;
  int64_t deadline_ms_min = 1'000, deadline_ms_max = 10'000;
  double deadline_mads = 6;
  int64_t lease_ms = 10'000;
  int64_t retain_rounds = 8, snapshot_rounds = 4, log_entries_max = 1'000;
  int64_t strikes_max = 3;
  int64_t chunk_bytes = 4'096, window_bytes = 65'536;
  int64_t spool_bytes = 256 << 20;
  double norm_max = 0;
  double code_mbyte_per_s = 500;
  std::string token = "open sesame";

  template <class Visit>
  void each(Visit&& visit) {
    constexpr Range<int64_t> kMs{0, 86'400'000}, kMany{0, 1'000'000'000};
    constexpr Range<int64_t> kBytes{1, int64_t{1} << 40};
    visit("start_members", start_members, kMany, "",
          "Members that must have joined before the first round; 0: all.");
    visit("quorum_count", quorum_count, kMany, "", "Offers that a round needs.");
    visit("quorum_weight", quorum_weight, Range<double>{0, 1}, "",
          "Part of the expected weight that a round needs.");
    visit("grace_ms", grace_ms, kMs, "ms", "A round stays open so long after its deadline.");
    visit("deadline_ms_min", deadline_ms_min, kMs, "ms", "Shortest deadline.");
    visit("deadline_ms_max", deadline_ms_max, kMs, "ms", "Longest deadline, and the first ones.");
    visit("deadline_mads", deadline_mads, Range<double>{0, 1'000}, "",
          "k: a deadline is the median of arrivals and k times their median deviation.");
    visit("lease_ms", lease_ms, kMs, "ms", "A member that is silent for so long is removed.");
    visit("retain_rounds", retain_rounds, kMany, "rounds", "Results that are kept.");
    visit("snapshot_rounds", snapshot_rounds, kMany, "rounds", "Between snapshots for joiners.");
    visit("log_entries_max", log_entries_max, kMany, "",
          "Entries of the log; then it is replaced by its state.");
    visit("strikes_max", strikes_max, kMany, "", "Bad offers before a member is sent away.");
    visit("chunk_bytes", chunk_bytes, Range<int64_t>{1, kChunkBytesMax}, "bytes", "Of a chunk.");
    visit("window_bytes", window_bytes, kBytes, "bytes", "On their way before an acknowledgement.");
    visit("spool_bytes", spool_bytes, kBytes, "bytes", "Room for offers and results.");
    visit("norm_max", norm_max, Range<double>{0, 1e30}, "",
          "Largest norm of an offer's channel; 0: any finite one.");
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
  const HubOptions& options_;
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
