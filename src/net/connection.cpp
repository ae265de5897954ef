// SPDX-License-Identifier: Apache-2.0
#include "net/connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <asio/bind_executor.hpp>
#include <asio/post.hpp>
#include <cerrno>
#include <cstring>

namespace causeway {
namespace {

constexpr int kUnsentBytes = 256 << 10;  // in the system's buffer, so that what is urgent soon goes
constexpr size_t kPongsMax = 64;         // that wait to be sent; nobody in earnest asks for more

void prepare(asio::ip::tcp::socket& socket) {
  std::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  const int unsent = kUnsentBytes;
  setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

std::string address_of(const asio::ip::tcp::socket& socket) {
  std::error_code error;
  const auto end = socket.remote_endpoint(error);
  if (error) return "?";
  const std::string host = end.address().to_string();
  return end.address().is_v6() ? fmt::format("[{}]:{}", host, end.port())
                               : fmt::format("{}:{}", host, end.port());
}

Parting parting_of(TlsStream::Verdict verdict) {
  switch (verdict) {
    case TlsStream::Verdict::kOurs:
      return Parting::kWeRefuse;
    case TlsStream::Verdict::kTheirs:
      return Parting::kTheyRefuse;
    case TlsStream::Verdict::kNone:
      break;
  }
  return Parting::kLost;
}

}  // namespace

Connection::Connection(asio::io_context& io, asio::ip::tcp::socket socket,
                       std::shared_ptr<const TlsContext> context, const std::string& host,
                       ConnectionOptions options, Owner& owner)
    : strand_(asio::make_strand(io)),
      socket_(std::move(socket)),
      context_(std::move(context)),
      stream_(context_, socket_.native_handle(), host),
      options_(options),
      owner_(owner),
      address_(address_of(socket_)),
      deadline_(io),
      alive_(io),
      read_later_(io),
      write_later_(io),
      receive_pacer_(options.receive_bytes_per_s),
      send_pacer_(options.send_bytes_per_s) {
  prepare(socket_);
}

int64_t Connection::now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

// ---- Its beginning.

void Connection::start() {
  asio::post(strand_, [self = shared_from_this()] {
    if (self->ended_) return;
    self->heard_ns_ = now_ns();
    self->watch_handshake();
    self->go_on_handshake();
  });
}

void Connection::watch_handshake() {
  deadline_.expires_after(std::chrono::milliseconds(options_.times.handshake_ms));
  deadline_.async_wait(asio::bind_executor(strand_, [self = shared_from_this()](
                                                        std::error_code error) {
    if (error || self->trusted_ || self->finishing_ || self->parting_) return;
    const int64_t silent_ms = (now_ns() - self->heard_ns_) / 1'000'000;
    if (!self->options_.hub && silent_ms < self->options_.times.handshake_ms)
      return self->watch_handshake();
    self->end(fmt::format("it said nothing of use within {} ms", self->options_.times.handshake_ms),
              Parting::kLost);
  }));
}

void Connection::go_on_handshake() {
  if (ended_ || parting_) return;
  switch (const auto status = stream_.handshake()) {
    case TlsStream::Status::kWantRead:
      return await(Wait::wait_read, &Connection::reading_, &Connection::go_on_handshake);
    case TlsStream::Status::kWantWrite:
      return await(Wait::wait_write, &Connection::reading_, &Connection::go_on_handshake);
    case TlsStream::Status::kDone:
      break;
    default:
      return fail(status);
  }
  if (context_ != nullptr) {
    auto peer = stream_.peer();
    if (!peer) return part(peer.error().message, Parting::kWeRefuse);
    certificate_ = *std::move(peer);
  }
  secured_ = true;
  owner_.secured(*this);
  go_on_writing();
  go_on_reading();
}

void Connection::trusted() {
  if (ended_ || std::exchange(trusted_, true)) return;
  if (!finishing_ && !parting_) deadline_.cancel();
  keep_alive();
}

// ---- Its end.

void Connection::fail(TlsStream::Status status) {
  if (status == TlsStream::Status::kClosed)
    return end("the other side has closed it", Parting::kLost);
  if (context_ == nullptr) return end(stream_.error(), Parting::kLost);
  part(stream_.error(), parting_of(stream_.verdict()));
}

void Connection::close(std::string reason) {
  deaf_ = true;
  asio::post(strand_, [self = shared_from_this(), reason = std::move(reason)] {
    self->end(reason, Parting::kLost);
  });
}

void Connection::finish(std::string reason) {
  deaf_ = true;
  asio::post(strand_, [self = shared_from_this(), reason = std::move(reason)]() mutable {
    if (self->ended_ || self->parting_ || std::exchange(self->finishing_, true)) return;
    self->last_reason_ = std::move(reason);
    if (!self->secured_) return self->end({}, Parting::kLost);
    self->deadline_.expires_after(std::chrono::milliseconds(self->options_.times.linger_ms));
    self->deadline_.async_wait(asio::bind_executor(self->strand_, [self](std::error_code error) {
      if (!error && !self->parting_) self->end({}, Parting::kLost);
    }));
    self->go_on_writing();
  });
}

/// Says no more, and waits until the other side has heard it: a socket that is closed while
/// something lies there unread is cut by the system, and the last words may be lost with it.
void Connection::part(const std::string& reason, Parting how) {
  if (ended_ || std::exchange(parting_, true)) return;
  deaf_ = true;
  if (!finishing_) last_reason_ = reason;
  last_how_ = how;
  stream_.shut_down();
  std::error_code error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) return end(reason, how);
  deadline_.expires_after(std::chrono::milliseconds(options_.times.linger_ms));
  deadline_.async_wait(
      asio::bind_executor(strand_, [self = shared_from_this()](std::error_code cancelled) {
        if (!cancelled) self->end({}, Parting::kLost);
      }));
  discard();
}

/// Reads until the other side has closed, too.
void Connection::discard() {
  if (ended_) return;
  constexpr int kReadsAtOnce = 64;
  std::array<std::byte, 4096> ignored;
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const ssize_t got = recv(socket_.native_handle(), ignored.data(), ignored.size(), MSG_DONTWAIT);
    if (got > 0) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
      return await(Wait::wait_read, &Connection::reading_, &Connection::discard);
    return end({}, Parting::kLost);
  }
  yield(&Connection::reading_, &Connection::discard);
}

void Connection::end(const std::string& reason, Parting how) {
  if (std::exchange(ended_, true)) return;
  deaf_ = gone_ = true;
  if (!parting_) stream_.shut_down();
  std::error_code ignored;
  socket_.close(ignored);
  for (asio::steady_timer* timer : {&deadline_, &alive_, &read_later_, &write_later_})
    timer->cancel();
  current_.reset();
  {
    const std::lock_guard lock(mutex_);
    urgent_.clear();
    bulk_.clear();
    queued_bytes_ = 0;
  }
  if (finishing_ || parting_)
    owner_.closed(*this, last_reason_, last_how_);
  else
    owner_.closed(*this, reason, how);
}

// ---- Alive or dead.

void Connection::keep_alive() {
  if (ended_ || parting_) return;
  const int64_t silent_ms = (now_ns() - heard_ns_) / 1'000'000;
  if (pauses_ == 0 && silent_ms > options_.times.silence_ms)
    return end(fmt::format("nothing was heard for {} ms", silent_ms), Parting::kLost);
  MessagePieces ping;
  ByteWriter(ping.head).put(static_cast<uint64_t>(now_ns()));
  send(FrameKind::kPing, std::move(ping), true);
  alive_.expires_after(std::chrono::milliseconds(options_.times.ping_ms));
  alive_.async_wait(
      asio::bind_executor(strand_, [self = shared_from_this()](std::error_code error) {
        if (!error) self->keep_alive();
      }));
}

void Connection::answer_ping(const Bytes& payload) {
  {
    const std::lock_guard lock(mutex_);
    if (urgent_.size() >= kPongsMax) return;
  }
  send(FrameKind::kPong, {payload, {}, {}}, true);
}

void Connection::heard_pong(const Bytes& payload) {
  uint64_t then = 0;
  if (payload.size() != sizeof(then)) return;
  std::memcpy(&then, payload.data(), sizeof(then));
  const auto now = static_cast<uint64_t>(now_ns());
  if (then <= now) round_trip_us_ = static_cast<int64_t>((now - then) / 1000);
}

LinkStats Connection::stats() const {
  return {.address = address_,
          .sent_bytes = sent_bytes_,
          .received_bytes = received_bytes_,
          .queued_bytes = static_cast<int64_t>(queued_bytes_),
          .round_trip_ms = static_cast<double>(round_trip_us_) * 1e-3};
}

}  // namespace causeway
