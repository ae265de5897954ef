// SPDX-License-Identifier: Apache-2.0
//
// The hub's end of all connections: who may come in, what they say, and to whom it says what.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "net/bulk_request.h"
#include "net/connection.h"

namespace causeway {

/// Who wants to come in.
struct Peer {
  std::string address;
  std::optional<CertificateInfo> certificate;  ///< none without TLS
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  int64_t port = 0;                           ///< 0: any free one
  std::shared_ptr<const TlsContext> context;  ///< null: no TLS, which only loopback may have
  int64_t threads = 2;
  /// Connections that are not let in yet. Then who comes takes the place of the oldest from where
  /// most of them are.
  int64_t strangers_max = 256;
  /// Heard and not yet taken in: of one connection, then it is not read; of all, then nobody is.
  int64_t member_inbox_bytes_max = int64_t{16} << 20, inbox_bytes_max = int64_t{64} << 20;
  double site_send_bytes_per_s = 0, site_receive_bytes_per_s = 0;  ///< of each connection; 0: any
  ConnectionTimes times;
};

/// Threads of its own; all calls from any thread, callbacks too. Messages of one worker come in
/// order, those of several at once.
class HubServer {
 public:
  /// Whoever has a copy has not yet taken in what was heard.
  using Held = std::shared_ptr<const void>;

  struct Handler {
    /// Lets a worker in, or says why not. Called before anything is told to it. A charter is at
    /// most kCharterBytesMax.
    std::function<Result<Charter>(const Preface&, const Peer&)> admit;
    /// A message. It counts towards both bounds as long as `held` lives, or a chunk's bytes.
    std::function<void(Message, Held held)> receive;
    /// Of a worker's chunk, in place of its bytes (kReference), or of ours, which it could not get
    /// (kMissing). May be empty: such frames are then left out.
    std::function<void(FrameKind, const Referral&)> referred;
    /// Reads what was asked for, when there is room to send it. A failure ends that request.
    std::function<Result<SharedBytes>(const BulkRequest&)> read;
    /// A connection came or went, or (worker -1, at most once a second) one that was not let in was
    /// refused by its certificate; for people.
    std::function<void(WorkerId, const std::string& what)> note;
  };

  /// Listens when it returns. Fault::kIo if it cannot; Fault::kBadInput for a host beyond loopback
  /// without TLS.
  static Result<std::unique_ptr<HubServer>> start(ServerOptions options, Handler handler);
  virtual ~HubServer() = default;

  virtual int64_t port() const = 0;
  /// To the newest connection of message.worker; lost if there is none.
  virtual void send(const Message& message) = 0;
  /// The same, in the order of chunks that `send` is given.
  virtual void refer(FrameKind kind, const Referral& referral) = 0;
  /// Sends it as chunks of at most `chunk_bytes`, each read when there is room for it.
  virtual void send_bulk(const BulkRequest& request, int64_t chunk_bytes) = 0;
  /// Ends a worker's connection, say because its certificate is revoked.
  virtual void drop(WorkerId worker, const std::string& reason) = 0;
  /// Ends all whose certificate `refuse` has a reason for.
  virtual void drop_if(const std::function<std::string(const CertificateInfo&)>& refuse) = 0;
  /// Of the workers that are connected.
  virtual std::map<WorkerId, LinkStats> links() const = 0;
  /// Takes no more connections, sends what is queued, and ends, within a few seconds. In a callback
  /// it only begins to; the destructor, which must not be called in one, then waits.
  virtual void stop() = 0;
};

}  // namespace causeway
