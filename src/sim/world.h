// SPDX-License-Identifier: Apache-2.0
//
// One hub and its workers in one process and in virtual time: the real machines, engines, log,
// spool and fold, over a network, disks and clocks that fail as the scenario says. The same
// scenario gives the same history, to the bit.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/hash.h"
#include "exchange/trainer.h"
#include "sim/event.h"
#include "sim/event_queue.h"
#include "sim/fault.h"
#include "sim/history.h"
#include "sim/hub_node.h"
#include "sim/network.h"
#include "sim/observer.h"
#include "sim/scenario.h"
#include "sim/worker_node.h"

namespace causeway {

/// One thread at a time; worlds share nothing.
class World {
 public:
  static constexpr const char* kBuild = "simulated";

  struct Options {
    std::vector<Observer*> observers;  ///< outlive the world
    size_t timeline_lines = 10'000;    ///< the last ones are kept; 0: none are made
  };
  /// Scenario and course outlive the world.
  World(const Scenario& scenario, const Course& course, Options options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Until the hub has decided all rounds and every worker that is to finish has done so, or a
  /// limit is reached, or an observer complains. Once.
  void run();
  /// The same in pieces: the next event. False when the world has ended.
  bool step();

  // ---- For observers and checks.
  const Scenario& scenario() const { return scenario_; }
  const Course& course() const { return course_; }
  uint64_t seed() const { return static_cast<uint64_t>(scenario_.seed); }
  int64_t now_us() const { return queue_.now_us(); }
  int64_t events() const { return events_; }
  /// What happened last.
  const Event& event() const { return event_; }
  /// Empty if all ended well, else why the world was ended.
  const std::string& trouble() const { return trouble_; }
  const HubNode& hub() const { return *hub_; }
  const WorkerNode& worker(WorkerId id) const { return *workers_[static_cast<size_t>(id)]; }
  int32_t workers() const { return static_cast<int32_t>(workers_.size()); }
  const Link& uplink(WorkerId id) const { return uplinks_[static_cast<size_t>(id)]; }
  const Link& downlink(WorkerId id) const { return downlinks_[static_cast<size_t>(id)]; }
  const History& history() const { return history_; }
  /// Messages on their way.
  size_t in_flight() const { return parcels_.size() - free_.size(); }
  size_t queued() const { return queue_.size(); }
  /// Of everything that happened so far: times, kinds, nodes, bytes.
  Digest digest() const { return hasher_.digest(); }
  /// "   12.345s  hub       closed round 3: 0 1 3; absent 2 (deadline passed)"
  const std::deque<std::string>& timeline() const { return timeline_; }

  // ---- For faults.
  HubNode& hub() { return *hub_; }
  WorkerNode& worker(WorkerId id) { return *workers_[static_cast<size_t>(id)]; }
  Link& uplink(WorkerId id) { return uplinks_[static_cast<size_t>(id)]; }
  Link& downlink(WorkerId id) { return downlinks_[static_cast<size_t>(id)]; }

  // ---- For nodes.
  const Digest& plan_digest() const { return plan_digest_; }
  /// Mirror::snapshot() before the first step.
  const SharedBytes& genesis() const { return genesis_; }
  const Digest& genesis_digest() const { return genesis_digest_; }
  void after_us(int64_t us, const Event& event);
  void send_to_hub(WorkerId from, const Message& message);
  void send_to_worker(const Message& message);
  /// The bytes of a message that has arrived, or that nobody will take: frees their slot.
  SharedBytes take_parcel(uint64_t slot);
  /// Decodes what has arrived at `node`, unless its link was cut or it is no message. `from`: the
  /// worker whose link it is, if the hub receives.
  std::optional<Message> receive(WorkerId node, const SharedBytes& bytes, WorkerId from = 0);
  void recorded(const Record& record, ByteSpan bytes, int64_t sequence, int64_t incarnation);
  void compacted(int64_t sequence, int64_t incarnation);
  void durable(int64_t sequence, int64_t incarnation);
  void settled(WorkerId worker, int64_t round, const Digest& replicated, bool committed);
  void lived(WorkerId node, Life life);
  /// Faults may wait for it.
  void happened(RoundEvent event, int64_t round);
  template <class... Args>
  void tell(WorkerId node, fmt::format_string<Args...> format, Args&&... args) {
    if (options_.timeline_lines > 0)
      add_line(node, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  struct PlannedFault {
    const FaultSpec* spec = nullptr;
    std::unique_ptr<FaultKind> kind;
    Chance chance;
    int64_t times = 0;
    bool triggered = false;
  };
  struct PendingStrike {
    size_t fault = 0;
    Strike strike;
  };

  void boot();
  void plan_faults();
  void begin_fault(uint64_t index);
  void end_fault(uint64_t index);
  std::vector<WorkerId> draw_workers(PlannedFault& fault) const;
  void dispatch(const Event& event);
  void carry(Link& link, WorkerId worker, EventKind kind, const Message& message);
  void mark(int64_t a, int64_t b);
  void mark_done(WorkerId id);
  void end_if_over();
  void add_line(WorkerId node, const std::string& text);
  void tell_record(const Record& record);

  const Scenario& scenario_;
  const Course& course_;
  const Options options_;
  const Digest plan_digest_;
  const SharedBytes genesis_;
  const Digest genesis_digest_;
  EventQueue<Event> queue_;
  Hasher hasher_;
  History history_;
  std::vector<Observer*> observers_;
  std::unique_ptr<HubNode> hub_;
  std::vector<std::unique_ptr<WorkerNode>> workers_;
  std::vector<Link> uplinks_, downlinks_;
  std::vector<SharedBytes> parcels_;  // on their way
  std::vector<uint64_t> free_;        // slots of them
  std::vector<PlannedFault> faults_;
  std::vector<PendingStrike> strikes_;
  std::vector<bool> done_;  // workers of whom nothing more is to come
  int64_t done_count_ = 0;
  std::deque<std::string> timeline_;
  Event event_;
  int64_t events_ = 0, applied_ = 0;
  bool over_ = false;
  std::string trouble_;
};

}  // namespace causeway
