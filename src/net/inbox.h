// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "core/bytes.h"

namespace causeway {

/// Counts what was heard and not yet taken in, of one connection or of all: when it is too much,
/// that one is not read, or nobody is. Thread-safe. What it counts may outlive everything else.
class Inbox : public std::enable_shared_from_this<Inbox> {
 public:
  /// What a message costs beside its bytes.
  static constexpr int64_t kMessageCost = 512;

  /// `turned` is called when it becomes full (more than `bytes_max`), and when it has room again
  /// (half of that): with a lock held, so in this order. It must let go of nothing that is counted.
  static std::shared_ptr<Inbox> make(int64_t bytes_max, std::function<void(bool full)> turned);

  /// The same bytes, which count until nobody has them any more.
  std::shared_ptr<const Bytes> hold(std::shared_ptr<const Bytes> bytes);
  bool full() const { return full_; }
  int64_t bytes() const { return bytes_; }
  /// From now on `turned` is not called.
  void detach();

 private:
  Inbox(int64_t bytes_max, std::function<void(bool full)> turned)
      : bytes_max_(bytes_max), turned_(std::move(turned)) {}
  void count(int64_t bytes);
  bool should_turn() const;

  const int64_t bytes_max_;
  std::atomic<int64_t> bytes_ = 0;
  std::atomic<bool> full_ = false;
  std::mutex mutex_;
  std::function<void(bool)> turned_;
};

}  // namespace causeway
