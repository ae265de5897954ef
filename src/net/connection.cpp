// SPDX-License-Identifier: Apache-2.0
#include "net/connection.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <asio/bind_executor.hpp>
#include <asio/dispatch.hpp>
#include <asio/post.hpp>
#include <cstring>

namespace causeway {
namespace {

constexpr size_t kReadBytes = size_t{16} << 10;  // TLS hands over no more at a time
constexpr int kReadsAtOnce = 64;  // of these, before others on the thread get their turn
constexpr int kWritesAtOnce = 64;
constexpr int kUnsentBytes = 256 << 10;  // in the system's buffer, so that what is urgent soon goes

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
  return error ? "?" : fmt::format("{}:{}", end.address().to_string(), end.port());
}

}  // namespace

// ---- Pacer.

void Pacer::spent(int64_t now_ns, int64_t bytes) {
  if (!limits()) return;
  const auto cost_ns = static_cast<int64_t>(static_cast<double>(bytes) * 1e9 / bytes_per_s_);
  free_ns_ = std::max(free_ns_, now_ns - 100'000'000) + cost_ns;
}

int64_t Pacer::wait_ns(int64_t now_ns) const {
  return limits() ? std::max<int64_t>(free_ns_ - now_ns, 0) : 0;
}

// ---- Life.

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

void Connection::start() {
  asio::post(strand_, [self = shared_from_this()] {
    self->heard_ns_ = now_ns();
    self->deadline_.expires_after(std::chrono::milliseconds(self->options_.handshake_ms));
    self->deadline_.async_wait(asio::bind_executor(self->strand_, [self](std::error_code error) {
      if (!error && !self->trusted_)
        self->end(fmt::format("it said nothing of use within {} ms", self->options_.handshake_ms),
                  false);
    }));
    self->go_on_handshake();
  });
}

void Connection::trusted() {
  asio::dispatch(strand_, [self = shared_from_this()] {
    if (self->ended_ || std::exchange(self->trusted_, true)) return;
    self->deadline_.cancel();
    self->keep_alive();
  });
}

void Connection::go_on_handshake() {
  if (ended_) return;
  const auto again = [self = shared_from_this()](std::error_code error) {
    if (error)
      self->end(error.message(), false);
    else
      self->go_on_handshake();
  };
  switch (const auto status = stream_.handshake()) {
    case TlsStream::Status::kWantRead:
      return socket_.async_wait(asio::ip::tcp::socket::wait_read,
                                asio::bind_executor(strand_, again));
    case TlsStream::Status::kWantWrite:
      return socket_.async_wait(asio::ip::tcp::socket::wait_write,
                                asio::bind_executor(strand_, again));
    case TlsStream::Status::kDone:
      break;
    default:
      return fail(status);
  }
  if (context_ != nullptr) {
    auto peer = stream_.peer();
    if (!peer) return end(peer.error().message, true);
    certificate_ = *std::move(peer);
  }
  secured_ = true;
  owner_.secured(*this);
  go_on_writing();
  go_on_reading();
}

void Connection::fail(TlsStream::Status status) {
  if (status == TlsStream::Status::kClosed) return end("the other side has closed it", false);
  const std::string& error = stream_.error();
  const bool refused = context_ != nullptr && (error.find("certificate") != error.npos ||
                                               error.find("alert") != error.npos);
  end(error, refused);
}

void Connection::end(const std::string& reason, bool refused) {
  if (std::exchange(ended_, true)) return;
  stream_.shut_down();
  std::error_code ignored;
  socket_.close(ignored);
  deadline_.cancel();
  alive_.cancel();
  read_later_.cancel();
  write_later_.cancel();
  {
    const std::lock_guard lock(mutex_);
    urgent_.clear();
    bulk_.clear();
    queued_bytes_ = 0;
  }
  owner_.closed(*this, finishing_ ? finish_reason_ : reason, refused);
}

void Connection::close(std::string reason) {
  asio::post(strand_,
             [self = shared_from_this(), reason = std::move(reason)] { self->end(reason, false); });
}

void Connection::finish(std::string reason) {
  asio::post(strand_, [self = shared_from_this(), reason = std::move(reason)]() mutable {
    if (self->ended_ || std::exchange(self->finishing_, true)) return;
    self->finish_reason_ = std::move(reason);
    self->deadline_.expires_after(std::chrono::seconds(1));
    self->deadline_.async_wait(asio::bind_executor(self->strand_, [self](std::error_code error) {
      if (!error) self->end({}, false);
    }));
    self->go_on_writing();
  });
}

// ---- Reading.

void Connection::await_readable() {
  if (std::exchange(reading_, true)) return;
  socket_.async_wait(
      asio::ip::tcp::socket::wait_read,
      asio::bind_executor(strand_, [self = shared_from_this()](std::error_code error) {
        self->reading_ = false;
        if (error)
          self->end(error.message(), false);
        else
          self->go_on_reading();
      }));
}

/// Frames, until nothing is there or others should have their turn.
void Connection::go_on_reading() {
  for (int i = 0; i < kReadsAtOnce; ++i) {
    if (ended_ || paused_ || reading_) return;
    if (const int64_t wait_ns = receive_pacer_.wait_ns(now_ns()); wait_ns > 0) {
      reading_ = true;
      return be_slow(read_later_, wait_ns, &Connection::go_on_reading);
    }
    std::span<std::byte> into = std::span(head_bytes_).subspan(head_have_);
    if (payload_ != nullptr) {
      // It grows with what comes: a length that is claimed costs nothing, and what is set to zero
      // here is overwritten while it is in the cache.
      const size_t left = head_.length - payload_have_;
      payload_->resize(payload_have_ + std::min(left, kReadBytes));
      into = std::span(*payload_).subspan(payload_have_);
    }
    const auto moved = stream_.read(into);
    if (moved.status == TlsStream::Status::kWantRead) return await_readable();
    if (moved.status == TlsStream::Status::kWantWrite) return await_writable();
    if (moved.status != TlsStream::Status::kDone) return fail(moved.status);
    const auto bytes = static_cast<int64_t>(moved.bytes);
    heard_ns_ = now_ns();
    received_bytes_ += bytes;
    receive_pacer_.spent(heard_ns_, bytes);
    if (payload_ == nullptr) {
      head_have_ += moved.bytes;
      if (head_have_ == kFrameHeadBytes && !take_head()) return;
    } else {
      payload_have_ += moved.bytes;
    }
    if (payload_ != nullptr && payload_have_ == head_.length) take_frame();
  }
  asio::post(strand_, [self = shared_from_this()] { self->go_on_reading(); });
}

bool Connection::may_come(FrameKind kind) const {
  if (kind == FrameKind::kPreface) return options_.hub && !trusted_;
  if (kind == FrameKind::kCharter || kind == FrameKind::kRefusal) return !options_.hub;
  return trusted_;
}

bool Connection::take_head() {
  const auto head = decode_frame_head(head_bytes_);
  if (!head || !may_come(head->kind)) {
    end(head ? "it spoke out of turn" : head.error().message, false);
    return false;
  }
  head_ = *head;
  payload_ = std::make_shared<Bytes>();
  payload_->reserve(std::min<size_t>(head_.length, kMessageBytesMax));
  payload_have_ = head_have_ = 0;
  return true;
}

void Connection::take_frame() {
  const std::shared_ptr<const Bytes> payload = std::move(payload_);
  payload_ = nullptr;  // what was moved from
  if (head_.kind == FrameKind::kPing) return answer_ping(*payload);
  if (head_.kind == FrameKind::kPong) return heard_pong(*payload);
  owner_.received(*this, head_.kind, payload);
}

void Connection::pause_reading() {
  asio::dispatch(strand_, [self = shared_from_this()] { self->paused_ = true; });
}

void Connection::resume_reading() {
  asio::post(strand_, [self = shared_from_this()] {
    if (!std::exchange(self->paused_, false) || self->ended_) return;
    self->heard_ns_ = now_ns();
    self->go_on_reading();
  });
}

void Connection::be_slow(asio::steady_timer& timer, int64_t wait_ns, void (Connection::*then)()) {
  timer.expires_after(std::chrono::nanoseconds(wait_ns));
  timer.async_wait(asio::bind_executor(
      strand_, [self = shared_from_this(), &timer, then](std::error_code error) {
        (&timer == &self->read_later_ ? self->reading_ : self->writing_) = false;
        if (!error && !self->ended_) ((*self).*then)();
      }));
}

// ---- Writing.

bool Connection::send(FrameKind kind, MessagePieces payload, bool urgent) {
  Outgoing out;
  const auto head = encode_frame_head({kind, static_cast<uint32_t>(payload.size())});
  out.head.reserve(head.size() + payload.head.size());
  out.head.assign(head.begin(), head.end());
  out.head.insert(out.head.end(), payload.head.begin(), payload.head.end());
  out.body = std::move(payload.body);
  out.tail = std::move(payload.tail);
  out.size = out.head.size() + static_cast<size_t>(out.body.size()) + out.tail.size();
  {
    const std::lock_guard lock(mutex_);
    if (queued_bytes_ + out.size > options_.queue_bytes_max) return false;
    queued_bytes_ += out.size;
    (urgent ? urgent_ : bulk_).push_back(std::move(out));
  }
  asio::post(strand_, [self = shared_from_this()] { self->go_on_writing(); });
  return true;
}

/// What is to be sent next of the current frame, or of the next one.
bool Connection::next_piece(ByteSpan& piece) {
  if (!current_) {
    const std::lock_guard lock(mutex_);
    auto& queue = urgent_.empty() ? bulk_ : urgent_;
    if (queue.empty()) return false;
    current_ = std::move(queue.front());
    queue.pop_front();
    current_sent_ = 0;
  }
  size_t skip = current_sent_;
  for (const ByteSpan one :
       {ByteSpan(current_->head), current_->body.view(), ByteSpan(current_->tail)}) {
    if (skip < one.size()) {
      piece = one.subspan(skip);
      return true;
    }
    skip -= one.size();
  }
  return false;
}

void Connection::await_writable() {
  if (std::exchange(writing_, true)) return;
  socket_.async_wait(
      asio::ip::tcp::socket::wait_write,
      asio::bind_executor(strand_, [self = shared_from_this()](std::error_code error) {
        self->writing_ = false;
        if (error) return self->end(error.message(), false);
        self->go_on_writing();
        self->go_on_reading();
      }));
}

void Connection::go_on_writing() {
  ByteSpan piece;
  for (int i = 0; i < kWritesAtOnce; ++i) {
    if (ended_ || writing_ || !secured_) return;
    if (const int64_t wait_ns = send_pacer_.wait_ns(now_ns()); wait_ns > 0) {
      writing_ = true;
      return be_slow(write_later_, wait_ns, &Connection::go_on_writing);
    }
    if (!next_piece(piece)) {
      if (finishing_) end({}, false);
      return;
    }
    const auto moved = stream_.write(piece);
    if (moved.status == TlsStream::Status::kWantWrite) return await_writable();
    if (moved.status == TlsStream::Status::kWantRead) return await_readable();
    if (moved.status != TlsStream::Status::kDone) return fail(moved.status);
    current_sent_ += moved.bytes;
    sent_bytes_ += static_cast<int64_t>(moved.bytes);
    queued_bytes_ -= moved.bytes;
    send_pacer_.spent(now_ns(), static_cast<int64_t>(moved.bytes));
    if (current_sent_ < current_->size) continue;
    current_.reset();
    if (queued_bytes() < kBulkLow) owner_.drained(*this);
  }
  asio::post(strand_, [self = shared_from_this()] { self->go_on_writing(); });
}

// ---- Alive or dead.

void Connection::keep_alive() {
  if (ended_) return;
  const int64_t silent_ms = (now_ns() - heard_ns_) / 1'000'000;
  if (!paused_ && silent_ms > options_.silence_ms)
    return end(fmt::format("nothing was heard for {} ms", silent_ms), false);
  MessagePieces ping;
  ByteWriter(ping.head).put(static_cast<uint64_t>(now_ns()));
  send(FrameKind::kPing, std::move(ping), true);
  alive_.expires_after(std::chrono::milliseconds(options_.ping_ms));
  alive_.async_wait(
      asio::bind_executor(strand_, [self = shared_from_this()](std::error_code error) {
        if (!error) self->keep_alive();
      }));
}

void Connection::answer_ping(const Bytes& payload) {
  send(FrameKind::kPong, {payload, {}, {}}, true);
}

void Connection::heard_pong(const Bytes& payload) {
  uint64_t then = 0;
  if (payload.size() != sizeof(then)) return;
  std::memcpy(&then, payload.data(), sizeof(then));
  const int64_t ns = now_ns() - static_cast<int64_t>(then);
  if (ns >= 0) round_trip_us_ = ns / 1000;
}

LinkStats Connection::stats() const {
  return {.address = address_,
          .sent_bytes = sent_bytes_,
          .received_bytes = received_bytes_,
          .queued_bytes = static_cast<int64_t>(queued_bytes_),
          .round_trip_ms = static_cast<double>(round_trip_us_) * 1e-3};
}

}  // namespace causeway
