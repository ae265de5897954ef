// SPDX-License-Identifier: Apache-2.0
//
// A site's connection to its hub, made again whenever it is lost.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/connection.h"

namespace causeway {

struct ClientOptions {
  std::string host;
  int64_t port = 0;
  std::shared_ptr<const TlsContext> context;  ///< null: no TLS
  Preface preface;
  /// Between attempts: doubled each time, and of that a part between half and all, by chance.
  int64_t retry_ms_min = 100, retry_ms_max = 1'000;
  int64_t connect_ms = 10'000;                           ///< for each address that the host has
  uint64_t seed = 0;                                     ///< of the jitter
  double send_bytes_per_s = 0, receive_bytes_per_s = 0;  ///< 0: as the link allows
  ConnectionTimes times;
};

/// A thread of its own; calls from any thread, callbacks too. Callbacks come one at a time, on that
/// thread, and none after `refused`.
class HubClient {
 public:
  struct Handler {
    /// The hub has let us in, and messages may be sent: anew after each reconnection. A failure
    /// ends it.
    std::function<Result<void>(const Charter&)> welcomed;
    std::function<void(Message)> receive;
    /// Of the hub's chunk, in place of its bytes (kReference), or of ours, which it could not get
    /// (kMissing). May be empty: such frames are then left out.
    std::function<void(FrameKind, const Referral&)> referred;
    /// The connection is lost, or could not be made. Another attempt follows.
    std::function<void(const std::string& reason)> lost;
    /// There is no use in trying again: the hub does not want us, or what it showed at first is no
    /// hub's certificate of our authority. Fault::kRefused and others.
    std::function<void(const Error&)> refused;
  };

  static std::unique_ptr<HubClient> start(ClientOptions options, Handler handler);
  virtual ~HubClient() = default;

  /// Lost if there is no connection.
  virtual void send(const Message& message) = 0;
  /// The same, in the order of chunks that `send` is given.
  virtual void refer(FrameKind kind, const Referral& referral) = 0;
  virtual LinkStats stats() const = 0;
  /// Sends what is queued, and ends, within a few seconds (while a name is being looked up: when
  /// the system has given up). In a callback it only begins to; the destructor, which must not be
  /// called in one, then waits.
  virtual void stop() = 0;
};

}  // namespace causeway
