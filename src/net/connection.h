// SPDX-License-Identifier: Apache-2.0
//
// One connection: frames in, frames out, over TLS on a socket that does not block. For hub and
// site alike; net/server.h and net/client.h use it.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "net/frame.h"
#include "net/tls.h"

namespace causeway {

/// Lets through so many bytes a second, with a tenth of a second's worth at once.
class Pacer {
 public:
  explicit Pacer(double bytes_per_s) : bytes_per_s_(bytes_per_s) {}

  bool limits() const { return bytes_per_s_ > 0; }
  void spent(int64_t now_ns, int64_t bytes);
  /// Until more may pass; 0: now.
  int64_t wait_ns(int64_t now_ns) const;

 private:
  double bytes_per_s_;
  int64_t free_ns_ = 0;  // when all that was spent is paid for
};

struct ConnectionOptions {
  bool hub = false;                                      ///< this is the hub's side
  double send_bytes_per_s = 0, receive_bytes_per_s = 0;  ///< 0: as the link allows
  int64_t handshake_ms = 10'000;                         ///< until `trusted` is called
  int64_t ping_ms = 5'000;
  int64_t silence_ms = 30'000;                ///< without a byte from the other side: it is dead
  size_t queue_bytes_max = size_t{64} << 20;  ///< more that waits to be sent is dropped
};

/// What is known of a connection; a copy.
struct LinkStats {
  std::string address;
  int64_t sent_bytes = 0, received_bytes = 0;              ///< payload of frames, heads with it
  int64_t store_sent_bytes = 0, store_received_bytes = 0;  ///< beside these, by an object store
  int64_t queued_bytes = 0;
  double round_trip_ms = 0;  ///< 0: not known
};

/// Lives as long as something is under way on it. Callbacks come on its strand; everything public
/// may be called from any thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// Outlives the connection's io_context.
  class Owner {
   public:
    virtual ~Owner() = default;
    /// TLS stands. The other side is who its certificate says, and nothing more is known.
    virtual void secured(Connection& connection) = 0;
    /// A whole frame, but for pings.
    virtual void received(Connection& connection, FrameKind kind,
                          std::shared_ptr<const Bytes> payload) = 0;
    /// There is room for more bulk. Called after `send` when what waits fell below kBulkLow.
    virtual void drained(Connection& connection) = 0;
    /// Nothing more comes. `refused`: the other side's TLS does not want us, or ours not it.
    virtual void closed(Connection& connection, const std::string& reason, bool refused) = 0;
  };
  static constexpr size_t kBulkLow = size_t{2} << 20;

  Connection(asio::io_context& io, asio::ip::tcp::socket socket,
             std::shared_ptr<const TlsContext> context, const std::string& host,
             ConnectionOptions options, Owner& owner);

  void start();
  /// The handshake's deadline no longer counts.
  void trusted();
  /// Queues a frame; urgent ones go before bulk. Returns false if too much waits: it is dropped.
  bool send(FrameKind kind, MessagePieces payload, bool urgent);
  /// Ends it when all that is queued has been sent, or after a second.
  void finish(std::string reason);
  void close(std::string reason);
  /// Reads nothing until resume_reading: the other side then waits.
  void pause_reading();
  void resume_reading();

  LinkStats stats() const;
  size_t queued_bytes() const { return queued_bytes_.load(std::memory_order_relaxed); }
  /// In callbacks, after `secured`; without TLS there is none.
  bool has_certificate() const { return context_ != nullptr; }
  const CertificateInfo& certificate() const { return certificate_; }
  const std::string& address() const { return address_; }
  /// For the owner's own notes, on the strand.
  int64_t tag = -1;

 private:
  using Clock = std::chrono::steady_clock;
  struct Outgoing {
    Bytes head;
    SharedBytes body;
    Bytes tail;
    size_t size = 0;
  };

  void go_on_handshake();
  void go_on_reading();
  void go_on_writing();
  bool take_head();
  void take_frame();
  bool may_come(FrameKind kind) const;
  void await_readable();
  void await_writable();
  void be_slow(asio::steady_timer& timer, int64_t wait_ns, void (Connection::*then)());
  bool next_piece(ByteSpan& piece);
  void keep_alive();
  void answer_ping(const Bytes& payload);
  void heard_pong(const Bytes& payload);
  void fail(TlsStream::Status status);
  void end(const std::string& reason, bool refused);
  static int64_t now_ns();

  asio::strand<asio::io_context::executor_type> strand_;
  asio::ip::tcp::socket socket_;
  const std::shared_ptr<const TlsContext> context_;
  TlsStream stream_;
  const ConnectionOptions options_;
  Owner& owner_;
  std::string address_;
  CertificateInfo certificate_;
  asio::steady_timer deadline_, alive_, read_later_, write_later_;
  bool secured_ = false, trusted_ = false, ended_ = false, finishing_ = false;
  std::string finish_reason_;

  // Reading.
  bool paused_ = false, reading_ = false;
  std::array<std::byte, kFrameHeadBytes> head_bytes_{};
  size_t head_have_ = 0;
  FrameHead head_;
  std::shared_ptr<Bytes> payload_;
  size_t payload_have_ = 0;  // of head_.length
  Pacer receive_pacer_;
  int64_t heard_ns_ = 0;

  // Writing.
  mutable std::mutex mutex_;  // of the queues
  std::deque<Outgoing> urgent_, bulk_;
  std::optional<Outgoing> current_;
  size_t current_sent_ = 0;
  bool writing_ = false, was_full_ = false;
  Pacer send_pacer_;

  std::atomic<size_t> queued_bytes_ = 0;
  std::atomic<int64_t> sent_bytes_ = 0, received_bytes_ = 0, round_trip_us_ = 0;
};

}  // namespace causeway
