// SPDX-License-Identifier: Apache-2.0
#include "web/http_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace causeway {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int64_t kLingerMs = 500;
constexpr int64_t kLingerBytesMax = 64 << 10;
constexpr ssize_t kEnd = -2;  // of what the peer sends

}  // namespace

void HttpStream::Free::operator()(ssl_st* tls) const { ::SSL_free(tls); }

HttpStream::HttpStream(int socket, const PageTls* tls, const StreamLimits& limits)
    : socket_(socket),
      limits_(limits),
      deadline_(steady_clock::now() + milliseconds(limits.request_ms_max)) {
  if (tls == nullptr) return;
  tls_.reset(::SSL_new(tls->get()));
  CW_CHECK(tls_ != nullptr);
  ::SSL_set_fd(tls_.get(), socket_);
}

HttpStream::~HttpStream() = default;

bool HttpStream::shake_hands() {
  while (tls_) {
    ::ERR_clear_error();
    const int outcome = ::SSL_accept(tls_.get());
    if (outcome == 1) break;
    if (tls_outcome(outcome) != 0 || !wait(deadline_)) return false;
  }
  return true;
}

bool HttpStream::wait(Time deadline) const {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd entry{socket_, wait_for_, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

ssize_t HttpStream::tls_outcome(int outcome) {
  switch (::SSL_get_error(tls_.get(), outcome)) {
    case SSL_ERROR_WANT_READ:
      wait_for_ = POLLIN;
      return 0;
    case SSL_ERROR_WANT_WRITE:
      wait_for_ = POLLOUT;
      return 0;
    case SSL_ERROR_ZERO_RETURN:
      return kEnd;
    default:
      return -1;
  }
}

ssize_t HttpStream::receive(char* to, size_t size) {
  if (tls_) {
    ::ERR_clear_error();
    const int got = ::SSL_read(tls_.get(), to, static_cast<int>(size));
    return got > 0 ? got : tls_outcome(got);
  }
  const ssize_t got = ::recv(socket_, to, size, 0);
  if (got > 0) return got;
  if (got == 0) return kEnd;
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return -1;
  wait_for_ = POLLIN;
  return 0;
}

ssize_t HttpStream::send(const char* from, size_t size) {
  if (tls_) {
    ::ERR_clear_error();
    const int sent =
        ::SSL_write(tls_.get(), from, static_cast<int>(std::min<size_t>(size, 16 << 10)));
    return sent > 0 ? sent : tls_outcome(sent);
  }
  const ssize_t sent = ::send(socket_, from, size, MSG_NOSIGNAL);
  if (sent > 0) return sent;
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return -1;
  wait_for_ = POLLOUT;
  return 0;
}

ssize_t HttpStream::read(char* to, size_t size) {
  while (at_ == end_) {
    const ssize_t got = receive(buffer_.data(), buffer_.size());
    if (got == kEnd) return 0;
    if (got < 0 || (got == 0 && !wait(deadline_))) return -1;
    bytes_read_ += got;
    if (bytes_read_ > limits_.request_bytes_max) return -1;
    at_ = 0;
    end_ = static_cast<size_t>(got);
  }
  const size_t taken = std::min(size, end_ - at_);
  std::memcpy(to, buffer_.data() + at_, taken);
  at_ += taken;
  return static_cast<ssize_t>(taken);
}

ssize_t HttpStream::write(const char* from, size_t size) {
  const int64_t ms = std::max(limits_.write_ms_max,
                              static_cast<int64_t>(size) * 1000 / limits_.write_bytes_per_s_min);
  const Time deadline = steady_clock::now() + milliseconds(ms);
  for (size_t done = 0; done < size;) {
    const ssize_t sent = send(from + done, size - done);
    if (sent < 0 || (sent == 0 && !wait(deadline))) return -1;
    done += static_cast<size_t>(sent);
  }
  return static_cast<ssize_t>(size);
}

void HttpStream::finish() {
  if (tls_) ::SSL_shutdown(tls_.get());
  ::shutdown(socket_, SHUT_WR);
  wait_for_ = POLLIN;
  const Time deadline = steady_clock::now() + milliseconds(kLingerMs);
  for (int64_t read = 0; read < kLingerBytesMax;) {
    const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
    const bool later = got < 0 && (errno == EAGAIN || errno == EINTR);
    if (got == 0 || (got < 0 && !(later && wait(deadline)))) return;
    read += std::max<ssize_t>(got, 0);
  }
}

void HttpStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

void HttpStream::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

// The library only asks whether select() could wait for it; this stream waits with poll().
socket_t HttpStream::socket() const { return 0; }

}  // namespace causeway
