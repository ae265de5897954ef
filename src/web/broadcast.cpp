// SPDX-License-Identifier: Apache-2.0
#include "web/broadcast.h"

#include <utility>

namespace causeway {

void Broadcast::publish(std::string frame) {
  {
    const std::lock_guard lock(mutex_);
    bytes_ += frame.size();
    frames_.push_back(std::make_shared<const std::string>(std::move(frame)));
    while (frames_.size() > 1 && (frames_.size() > frames_max_ || bytes_ > bytes_max_)) {
      bytes_ -= frames_.front()->size();
      frames_.pop_front();
      ++first_;
    }
  }
  changed_.notify_all();
}

int64_t Broadcast::next() const {
  const std::lock_guard lock(mutex_);
  return next_locked();
}

Broadcast::Got Broadcast::wait(int64_t& number, std::chrono::milliseconds timeout,
                               Frame& frame) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return closed_ || number < next_locked(); });
  if (closed_) return Got::kClosed;
  if (number < first_) return Got::kLost;
  if (number >= next_locked()) return Got::kNothing;
  frame = frames_[static_cast<size_t>(number - first_)];
  ++number;
  return Got::kFrame;
}

void Broadcast::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

}  // namespace causeway
