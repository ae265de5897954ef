// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

namespace causeway {

/// One queue of frames that many listeners read at their own pace. It is bounded, whatever they do:
/// who has not read a frame before it leaves the queue is lost, and must start anew. Safe from many
/// threads.
class Broadcast {
 public:
  using Frame = std::shared_ptr<const std::string>;
  enum class Got : uint8_t {
    kFrame = 1,
    kNothing = 2,  ///< there was none in time
    kLost = 3,     ///< the listener is too slow
    kClosed = 4,   ///< nothing comes any more
  };

  Broadcast(size_t frames_max, size_t bytes_max) : frames_max_(frames_max), bytes_max_(bytes_max) {}

  void publish(std::string frame);
  /// The number of the frame that comes next.
  int64_t next() const;
  /// Waits for frame `number` until `timeout`; then `number` is that of the frame behind it.
  Got wait(int64_t& number, std::chrono::milliseconds timeout, Frame& frame) const;
  void close();

 private:
  int64_t next_locked() const { return first_ + static_cast<int64_t>(frames_.size()); }

  const size_t frames_max_, bytes_max_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::deque<Frame> frames_;
  int64_t first_ = 0;  // number of frames_.front()
  size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace causeway
