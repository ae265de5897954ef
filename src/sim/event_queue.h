// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/check.h"

namespace causeway {

/// What is to happen, in order of virtual time; at the same time, in the order in which it was
/// asked for. Times are microseconds from the beginning of the world. One thread.
template <class Event>
class EventQueue {
 public:
  struct Entry {
    int64_t at_us = 0;
    uint64_t order = 0;
    Event event;
  };

  explicit EventQueue(size_t size_max) : size_max_(size_max) {}

  int64_t now_us() const { return now_us_; }
  size_t size() const { return heap_.size(); }
  bool empty() const { return heap_.empty(); }
  bool full() const { return heap_.size() >= size_max_; }

  /// Not in the past: an earlier time is now. False, and nothing is kept, if the queue is full.
  [[nodiscard]] bool push(int64_t at_us, Event event) {
    if (full()) return false;
    heap_.push_back({std::max(at_us, now_us_), pushed_++, std::move(event)});
    std::push_heap(heap_.begin(), heap_.end(), later);
    return true;
  }
  /// Takes out the next event, and it is its time. The queue is not empty.
  Entry pop() {
    CW_CHECK(!heap_.empty());
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Entry entry = std::move(heap_.back());
    heap_.pop_back();
    now_us_ = entry.at_us;
    return entry;
  }

 private:
  static bool later(const Entry& a, const Entry& b) {
    return a.at_us != b.at_us ? a.at_us > b.at_us : a.order > b.order;
  }

  const size_t size_max_;
  std::vector<Entry> heap_;
  int64_t now_us_ = 0;
  uint64_t pushed_ = 0;
};

}  // namespace causeway
