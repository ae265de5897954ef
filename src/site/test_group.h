// SPDX-License-Identifier: Apache-2.0
//
// A group of threads, for tests: the collectives of SiteGroup without a network. Sums are in order
// of rank.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "site/group.h"

namespace causeway {

class ThreadGroup {
 public:
  explicit ThreadGroup(int32_t size) : values_(static_cast<size_t>(size)) {}

  /// The end of a process; this outlives it.
  std::unique_ptr<SiteGroup> end(int32_t rank) { return std::make_unique<End>(*this, rank); }
  /// As when a process dies: every call fails from now on.
  void lose() {
    const std::lock_guard lock(mutex_);
    if (!fault_) fault_ = Fault::kPeerLost;
    changed_.notify_all();
  }
  int64_t calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  class End final : public SiteGroup {
   public:
    End(ThreadGroup& group, int32_t rank) : group_(group), rank_(rank) {}
    int32_t rank() const override { return rank_; }
    int32_t size() const override { return static_cast<int32_t>(group_.values_.size()); }
    Result<void> all_reduce(std::span<float> values) override {
      return group_.meet(rank_, std::as_writable_bytes(values), true);
    }
    Result<void> broadcast(std::span<std::byte> bytes) override {
      return group_.meet(rank_, bytes, false);
    }

   private:
    ThreadGroup& group_;
    const int32_t rank_;
  };

  struct Call {
    std::span<std::byte> bytes;
    bool sums = false;
  };

  /// Whoever comes last does the work for all.
  Result<void> meet(int32_t rank, std::span<std::byte> bytes, bool sums) {
    std::unique_lock lock(mutex_);
    const int64_t call = calls_;
    if (!fault_) {
      values_[static_cast<size_t>(rank)] = {bytes, sums};
      if (++here_ == values_.size()) {
        work();
        here_ = 0;
        ++calls_;
        changed_.notify_all();
      }
      changed_.wait(lock, [&] { return fault_ || calls_ > call; });
      if (calls_ > call && fault_ != Fault::kCorrupt) return {};
    }
    return failure(*fault_, "the group of threads is lost");
  }

  void work() {
    const Call& first = values_.front();
    for (const Call& other : values_) {
      if (other.sums != first.sums || other.bytes.size() != first.bytes.size()) {
        fault_ = Fault::kCorrupt;
        return;
      }
    }
    if (first.sums)
      for (size_t i = 0; i < first.bytes.size() / sizeof(float); ++i) {
        float sum = floats(0)[i];
        for (size_t rank = 1; rank < values_.size(); ++rank) sum += floats(rank)[i];
        floats(0)[i] = sum;
      }
    for (const Call& other : values_)
      if (other.bytes.data() != first.bytes.data())
        std::ranges::copy(first.bytes, other.bytes.begin());
  }
  float* floats(size_t rank) { return reinterpret_cast<float*>(values_[rank].bytes.data()); }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Call> values_;  // by rank: what this call brought
  size_t here_ = 0;
  int64_t calls_ = 0;
  std::optional<Fault> fault_;  // once it is of no use
};

}  // namespace causeway
