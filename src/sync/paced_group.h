// SPDX-License-Identifier: Apache-2.0
//
// What groups that decide when a channel fires have in common: they look at which workers have
// finished a stretch of their own steps by which tick, tick after tick from the first.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "sync/port.h"

namespace causeway {

/// Thread-safe. Memory: an entry for each firing so far.
class PacedGroup : public Group {
 public:
  /// Nothing fires after so many ticks: snapshots name steps, and may be hostile.
  static constexpr int64_t kTicksMax = 10'000'000;

  void bind(const VirtualClock& clock, int64_t) final {
    clock_ = &clock;
    workers_ = std::max(clock.workers(), 0);
  }
  bool paces() const final { return true; }
  bool fires(int64_t steps_done) const final {
    const std::lock_guard lock(mutex_);
    return event(steps_done) != nullptr;
  }
  std::vector<int32_t> members(const Gathering& gathering) const final {
    const std::lock_guard lock(mutex_);
    const std::vector<int32_t>* members = event(gathering.steps_done);
    return members == nullptr ? std::vector<int32_t>{} : *members;
  }

 protected:
  /// Takes in one tick, the next; true if the channel fires at its end, with the members in
  /// `members`, not empty.
  virtual bool pass(int64_t tick, std::vector<int32_t>& members) const = 0;
  const VirtualClock& clock() const { return *clock_; }
  int32_t workers() const { return workers_; }

 private:
  const std::vector<int32_t>* event(int64_t tick) const {
    if (tick > kTicksMax) return nullptr;
    while (passed_ < tick) {
      std::vector<int32_t> members;
      if (pass(++passed_, members)) events_[passed_] = std::move(members);
    }
    const auto found = events_.find(tick);
    return found == events_.end() ? nullptr : &found->second;
  }

  const VirtualClock* clock_ = nullptr;
  int32_t workers_ = 0;
  mutable std::mutex mutex_;
  mutable int64_t passed_ = 0;
  mutable std::map<int64_t, std::vector<int32_t>> events_;
};

}  // namespace causeway
