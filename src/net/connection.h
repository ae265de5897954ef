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

#include "net/connection_options.h"
#include "net/frame.h"
#include "net/inbox.h"
#include "net/pacer.h"
#include "net/tls.h"

namespace causeway {

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
    /// Once, and nothing comes after it.
    virtual void closed(Connection& connection, const std::string& reason, Parting how) = 0;
  };
  static constexpr size_t kBulkLow = size_t{2} << 20;
  /// What a frame that waits costs beside its bytes.
  static constexpr size_t kFrameCost = 256;

  Connection(asio::io_context& io, asio::ip::tcp::socket socket,
             std::shared_ptr<const TlsContext> context, const std::string& host,
             ConnectionOptions options, Owner& owner);

  void start();
  /// The other side is let in, or has let us in: the handshake's deadline no longer counts, and
  /// from now on it is pinged. On the strand.
  void trusted();
  /// Queues a frame; urgent ones go before bulk. Returns false if too much waits: it is dropped.
  bool send(FrameKind kind, MessagePieces payload, bool urgent);
  /// Ends it when all that is queued has been sent and heard, or after twice linger_ms. Nothing
  /// more is received.
  void finish(std::string reason);
  /// Ends it. Nothing more is received.
  void close(std::string reason);
  /// Reads nothing until resume_reading has been called as often: the other side then waits. They
  /// take effect in the order of the calls.
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
  std::shared_ptr<Inbox> inbox;  // what came here and is not taken in yet

 private:
  using Clock = std::chrono::steady_clock;
  using Wait = asio::ip::tcp::socket::wait_type;
  using Step = void (Connection::*)();
  struct Outgoing {
    Bytes head;
    SharedBytes body;
    Bytes tail;
    size_t size = 0;
  };

  // connection.cpp: life
  void watch_handshake();
  void go_on_handshake();
  void fail(TlsStream::Status status);
  void part(const std::string& reason, Parting how);
  void discard();
  void end(const std::string& reason, Parting how);
  void keep_alive();
  void answer_ping(const Bytes& payload);
  void heard_pong(const Bytes& payload);

  // connection_flow.cpp: reading and writing
  void go_on_reading();
  bool may_come(FrameKind kind);
  bool take_head();
  void take_frame();
  void go_on_writing();
  bool next_piece(ByteSpan& piece);
  void sent(size_t bytes);
  void cannot_write();
  // `next` is called when the socket or the time has come, or others had their turn; `busy` says
  // that it will be.
  void await(Wait what, bool Connection::* busy, Step next);
  void sleep(asio::steady_timer& timer, int64_t wait_ns, bool Connection::* busy, Step next);
  void yield(bool Connection::* busy, Step next);
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
  bool secured_ = false, trusted_ = false, finishing_ = false, parting_ = false, ended_ = false;
  std::string last_reason_;
  Parting last_how_ = Parting::kLost;
  std::atomic<bool> deaf_ = false, gone_ = false;  // nothing is received; nothing can be sent

  // Reading.
  bool reading_ = false, prefaced_ = false;
  int64_t pauses_ = 0;
  std::array<std::byte, kFrameHeadBytes> head_bytes_{};
  size_t head_have_ = 0;
  FrameHead head_;
  std::shared_ptr<Bytes> payload_;
  size_t payload_have_ = 0;  // of head_.length
  Pacer receive_pacer_;
  int64_t heard_ns_ = 0;

  // Writing.
  bool writing_ = false, mute_ = false;
  mutable std::mutex mutex_;  // of the queues
  std::deque<Outgoing> urgent_, bulk_;
  std::optional<Outgoing> current_;
  size_t current_sent_ = 0;
  Pacer send_pacer_;

  std::atomic<size_t> queued_bytes_ = 0;  // with kFrameCost of each
  std::atomic<int64_t> sent_bytes_ = 0, received_bytes_ = 0, round_trip_us_ = 0;
};

}  // namespace causeway
