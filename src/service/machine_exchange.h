// SPDX-License-Identifier: Apache-2.0
//
// The worker's half of the protocol between two threads: one trains, another hears the hub.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "exchange/worker_machine.h"

namespace causeway {

/// A WorkerMachine behind a lock, with a thread that ticks it. Calls from any thread; those of
/// Exchange from the training thread only.
class MachineExchange final : public Exchange {
 public:
  /// `send` is called from several threads, one at a time, in the order that the machine wants; it
  /// must not call back. Clock outlives this.
  MachineExchange(const Clock& clock, std::function<void(const Message&)> send);
  ~MachineExchange() override;

  /// Begins with a machine; replaces the one before.
  void begin(std::unique_ptr<WorkerMachine> machine);

  // ---- What the network tells.
  void receive(const Message& message);
  void relinked();

  // ---- What the trainer asks.
  /// Looks at the machine, or tells it something.
  template <class Call>
  auto with(Call&& call) {
    const std::lock_guard lock(mutex_);
    return call(*machine_);
  }
  /// Lets the machine say what it has to: after something was told to it.
  void tick();
  /// Until something new was heard, at most so long.
  void wait(int64_t ms_max);

  void launch(Offer offer) override;
  Poll poll(int64_t round, WorkerId worker, const Commit*& commit) override;
  void settled(int64_t round, WorkerId worker, const Digest& replicated) override;
  bool expects(int64_t round, WorkerId worker) const override;
  /// The trainer's rounds are no longer of use.
  void forget() { commits_.clear(); }

 private:
  void work();
  void say_all();  // the lock is held, so that what is said keeps its order
  int64_t now_ms() const { return clock_.now_ns() / 1'000'000; }

  const Clock& clock_;
  const std::function<void(const Message&)> send_;
  mutable std::mutex mutex_;
  std::condition_variable ticks_, news_;
  uint64_t heard_ = 0, seen_ = 0;
  bool stops_ = false;
  std::unique_ptr<WorkerMachine> machine_;
  std::vector<Message> out_;
  std::map<int64_t, std::shared_ptr<const Commit>> commits_;  // that the trainer applies
  std::thread thread_;
};

}  // namespace causeway
