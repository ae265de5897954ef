// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "web/broadcast.h"
#include "web/view_history.h"

namespace causeway {

/// The last view with its history, and those who follow it. Safe from many threads.
class LiveRun {
 public:
  explicit LiveRun(size_t points_max) : history_(points_max) {}

  void show(const HubView& view);
  std::optional<HubView> last() const;

  /// Frames are server-sent events. What to send first, `start` with everything so far, and in
  /// `number` the frame of the broadcast that follows it: events `change` with {"patch": ...} and
  /// new points of curves. See page_state.h.
  Broadcast::Frame follow(int64_t& number) const;
  const Broadcast& broadcast() const { return broadcast_; }
  /// Who follows is let go.
  void close() { broadcast_.close(); }

 private:
  static constexpr size_t kFramesMax = 512, kFrameBytesMax = size_t{4} << 20;

  mutable std::mutex mutex_;
  std::optional<HubView> last_;
  ViewHistory history_;
  nlohmann::json state_ = nlohmann::json::object();
  mutable Broadcast::Frame start_;  // of the present state; made when it is asked for
  Broadcast broadcast_{kFramesMax, kFrameBytesMax};
};

}  // namespace causeway
