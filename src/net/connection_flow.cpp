// SPDX-License-Identifier: Apache-2.0
//
// Reading and writing of a connection.
#include <algorithm>
#include <asio/bind_executor.hpp>
#include <asio/post.hpp>

#include "core/spare_bytes.h"
#include "net/connection.h"

namespace causeway {
namespace {

constexpr size_t kReadBytes = size_t{16} << 10;  // TLS hands over no more at a time
constexpr int kReadsAtOnce = 64;  // of these, before others on the thread get their turn
constexpr int kWritesAtOnce = 64;

}  // namespace

void Connection::await(Wait what, bool Connection::* busy, Step next) {
  (*this).*busy = true;
  socket_.async_wait(what, asio::bind_executor(strand_, [self = shared_from_this(), busy,
                                                         next](std::error_code error) {
                       (*self).*busy = false;
                       if (error) return self->end(error.message(), Parting::kLost);
                       ((*self).*next)();
                     }));
}

void Connection::sleep(asio::steady_timer& timer, int64_t wait_ns, bool Connection::* busy,
                       Step next) {
  (*this).*busy = true;
  timer.expires_after(std::chrono::nanoseconds(wait_ns));
  timer.async_wait(asio::bind_executor(
      strand_, [self = shared_from_this(), busy, next](std::error_code cancelled) {
        (*self).*busy = false;
        if (!cancelled) ((*self).*next)();
      }));
}

void Connection::yield(bool Connection::* busy, Step next) {
  (*this).*busy = true;
  asio::post(strand_, [self = shared_from_this(), busy, next] {
    (*self).*busy = false;
    ((*self).*next)();
  });
}

// ---- Reading.

/// Frames, until nothing is there or others should have their turn.
void Connection::go_on_reading() {
  for (int i = 0; i < kReadsAtOnce; ++i) {
    if (ended_ || deaf_ || pauses_ > 0 || reading_) return;
    if (const int64_t wait_ns = receive_pacer_.wait_ns(now_ns()); wait_ns > 0)
      return sleep(read_later_, wait_ns, &Connection::reading_, &Connection::go_on_reading);
    std::span<std::byte> into = std::span(head_bytes_).subspan(head_have_);
    if (payload_ != nullptr) {
      // It grows with what comes: a length that is claimed costs nothing, and what is set to zero
      // here is overwritten while it is in the cache.
      const size_t left = head_.length - payload_have_;
      const size_t next = std::min({left, kReadBytes, receive_pacer_.piece_bytes_max()});
      if (payload_->size() < payload_have_ + next) payload_->resize(payload_have_ + next);
      into = std::span(*payload_).subspan(payload_have_, next);
    }
    const auto moved = stream_.read(into);
    if (moved.status == TlsStream::Status::kWantRead)
      return await(Wait::wait_read, &Connection::reading_, &Connection::go_on_reading);
    if (moved.status == TlsStream::Status::kWantWrite)
      return await(Wait::wait_write, &Connection::reading_, &Connection::go_on_reading);
    if (moved.status != TlsStream::Status::kDone) return fail(moved.status);
    heard_ns_ = now_ns();
    received_bytes_ += static_cast<int64_t>(moved.bytes);
    receive_pacer_.spent(heard_ns_, static_cast<int64_t>(moved.bytes));
    if (payload_ == nullptr) {
      head_have_ += moved.bytes;
      if (head_have_ == kFrameHeadBytes && !take_head()) return;
    } else {
      payload_have_ += moved.bytes;
    }
    if (payload_ != nullptr && payload_have_ == head_.length) take_frame();
  }
  yield(&Connection::reading_, &Connection::go_on_reading);
}

/// One preface, one answer to it, and all else after that.
bool Connection::may_come(FrameKind kind) {
  if (kind == FrameKind::kPreface)
    return options_.hub && !trusted_ && !std::exchange(prefaced_, true);
  if (kind == FrameKind::kCharter) return !options_.hub && !trusted_;
  if (kind == FrameKind::kRefusal) return !options_.hub;
  return trusted_;
}

bool Connection::take_head() {
  const auto head = decode_frame_head(head_bytes_);
  if (!head || !may_come(head->kind)) {
    end(head ? "it spoke out of turn" : head.error().message, Parting::kLost);
    return false;
  }
  head_ = *head;
  const size_t expected = std::min<size_t>(head_.length, kMessageBytesMax);
  Bytes room = take_spare_bytes(expected);
  if (room.size() > head_.length) room.resize(head_.length);
  room.reserve(expected);
  payload_ = share_spare_bytes(std::move(room));
  payload_have_ = head_have_ = 0;
  // It has let us in, and wants to hear that we live while a long charter is on its way.
  if (head_.kind == FrameKind::kCharter) trusted();
  return true;
}

void Connection::take_frame() {
  const std::shared_ptr<const Bytes> payload = std::exchange(payload_, nullptr);
  if (head_.kind == FrameKind::kPing) return answer_ping(*payload);
  if (head_.kind == FrameKind::kPong) return heard_pong(*payload);
  owner_.received(*this, head_.kind, payload);
}

// Never at once, not even on the strand: a resume that was asked for earlier would come later.
void Connection::pause_reading() {
  asio::post(strand_, [self = shared_from_this()] { ++self->pauses_; });
}

void Connection::resume_reading() {
  asio::post(strand_, [self = shared_from_this()] {
    if (--self->pauses_ > 0) return;
    self->heard_ns_ = now_ns();
    self->go_on_reading();
  });
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
    const size_t queued = queued_bytes_, cost = out.size + kFrameCost;
    if (gone_ || (queued > 0 && queued + cost > options_.queue_bytes_max)) return false;
    queued_bytes_ += cost;
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
      // Always the same part: OpenSSL wants what it could not write again.
      piece = one.subspan(skip, std::min(one.size() - skip, send_pacer_.piece_bytes_max()));
      return true;
    }
    skip -= one.size();
  }
  return false;
}

void Connection::sent(size_t bytes) {
  current_sent_ += bytes;
  sent_bytes_ += static_cast<int64_t>(bytes);
  queued_bytes_ -= bytes;
  send_pacer_.spent(now_ns(), static_cast<int64_t>(bytes));
  if (current_sent_ < current_->size) return;
  current_.reset();
  queued_bytes_ -= kFrameCost;
  if (queued_bytes() < kBulkLow) owner_.drained(*this);
}

void Connection::go_on_writing() {
  ByteSpan piece;
  for (int i = 0; i < kWritesAtOnce; ++i) {
    if (ended_ || parting_ || writing_ || mute_ || !secured_) return;
    if (const int64_t wait_ns = send_pacer_.wait_ns(now_ns()); wait_ns > 0)
      return sleep(write_later_, wait_ns, &Connection::writing_, &Connection::go_on_writing);
    if (!next_piece(piece)) {
      if (finishing_) part({}, Parting::kLost);
      return;
    }
    const auto moved = stream_.write(piece);
    if (moved.status == TlsStream::Status::kWantWrite)
      return await(Wait::wait_write, &Connection::writing_, &Connection::go_on_writing);
    if (moved.status == TlsStream::Status::kWantRead)
      return await(Wait::wait_read, &Connection::writing_, &Connection::go_on_writing);
    if (moved.status != TlsStream::Status::kDone) return cannot_write();
    sent(moved.bytes);
  }
  yield(&Connection::writing_, &Connection::go_on_writing);
}

/// The connection is cut. What the other side said before, such as why, can still be read; reading
/// then comes to the end by itself.
void Connection::cannot_write() {
  if (pauses_ > 0 || deaf_) return fail(TlsStream::Status::kFailed);
  mute_ = true;
  go_on_reading();
}

}  // namespace causeway
