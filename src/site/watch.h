// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "site/socket.h"

namespace causeway::site {

/// Notices at once when a process of the group dies or gives up, whatever this one is doing. The
/// connections on which the processes met stay open; a process that leaves in good order says
/// goodbye on its own, so a connection that just ends is a loss. The leader, which alone has a
/// connection to everyone, passes a loss on by ending all of them. Stopped processes and cut
/// networks are left to the collectives' time limit.
class Watch {
 public:
  /// `peers` as in Meeting. `on_loss` is called at most once, on a thread of the watch's own, with
  /// whom it lost.
  Watch(std::vector<Socket> peers, bool leads, std::function<void(const std::string&)> on_loss);
  /// Says goodbye, unless give_up was called or a loss was seen.
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// Tells all others that this process is lost to the group. Calls on_loss no more.
  void give_up();

 private:
  enum class Seen : uint8_t { kNothing, kGoodbye, kLoss };
  void run();
  Seen look_at(size_t peer) const;
  void stop();

  std::vector<Socket> peers_;
  bool leads_;
  std::function<void(const std::string&)> on_loss_;
  Socket wake_;  // an eventfd
  std::atomic<bool> stop_ = false, lost_ = false;
  std::thread thread_;
};

}  // namespace causeway::site
