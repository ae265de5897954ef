// SPDX-License-Identifier: Apache-2.0
#include "service/machine_exchange.h"

#include <algorithm>
#include <chrono>

namespace causeway {

MachineExchange::MachineExchange(const Clock& clock, std::function<void(const Message&)> send)
    : clock_(clock), send_(std::move(send)), thread_([this] { work(); }) {}

MachineExchange::~MachineExchange() {
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  ticks_.notify_all();
  thread_.join();
}

void MachineExchange::begin(std::unique_ptr<WorkerMachine> machine) {
  const std::lock_guard lock(mutex_);
  machine_ = std::move(machine);
  ticks_.notify_all();
}

void MachineExchange::say_all() {
  for (const Message& message : out_) send_(message);
  out_.clear();
}

/// Ticks the machine whenever it wants to be woken.
void MachineExchange::work() {
  constexpr int64_t kWaitMsMax = 1'000;
  std::unique_lock lock(mutex_);
  while (!stops_) {
    int64_t wait_ms = kWaitMsMax;
    if (machine_ != nullptr) {
      if (machine_->wake_ms() <= now_ms()) machine_->tick(now_ms(), out_);
      say_all();
      wait_ms = std::clamp<int64_t>(machine_->wake_ms() - now_ms(), 1, kWaitMsMax);
    }
    ticks_.wait_for(lock, std::chrono::milliseconds(wait_ms));
  }
}

void MachineExchange::receive(const Message& message) {
  {
    const std::lock_guard lock(mutex_);
    if (machine_ == nullptr) return;
    machine_->on(now_ms(), message, out_);
    say_all();
    ++heard_;
  }
  news_.notify_all();
}

void MachineExchange::relinked() {
  {
    const std::lock_guard lock(mutex_);
    if (machine_ != nullptr) machine_->relinked();
  }
  ticks_.notify_all();
}

void MachineExchange::tick() {
  const std::lock_guard lock(mutex_);
  machine_->tick(now_ms(), out_);
  say_all();
}

void MachineExchange::wait(int64_t ms_max) {
  std::unique_lock lock(mutex_);
  news_.wait_for(lock, std::chrono::milliseconds(ms_max), [this] { return heard_ != seen_; });
  seen_ = heard_;
}

void MachineExchange::launch(Offer offer) {
  const std::lock_guard lock(mutex_);
  machine_->launch(std::move(offer));
  machine_->tick(now_ms(), out_);
  say_all();
}

Poll MachineExchange::poll(int64_t round, WorkerId worker, const Commit*& commit) {
  const std::lock_guard lock(mutex_);
  const Poll poll = machine_->poll(round, worker, commit);
  // The machine may forget the round while it is being applied: it was fenced, say.
  if (poll == Poll::kReady) commit = (commits_[round] = machine_->commit_of(round)).get();
  return poll;
}

void MachineExchange::settled(int64_t round, WorkerId worker, const Digest& replicated) {
  const std::lock_guard lock(mutex_);
  machine_->settled(round, worker, replicated);
  commits_.erase(round);
}

bool MachineExchange::expects(int64_t round, WorkerId worker) const {
  const std::lock_guard lock(mutex_);
  return machine_->expects(round, worker);
}

}  // namespace causeway
