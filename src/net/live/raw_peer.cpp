// SPDX-License-Identifier: Apache-2.0
#include "net/live/raw_peer.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace causeway::live {
namespace {

constexpr int kWaitMs = 60'000;

sockaddr_in loopback(int64_t port, const std::string& address = "127.0.0.1") {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, address.c_str(), &out.sin_addr);
  return out;
}

int connect_to(int64_t port, const std::string& source = {}) {
  const int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!source.empty()) {
    const sockaddr_in from = loopback(0, source);
    bind(out, reinterpret_cast<const sockaddr*>(&from), sizeof(from));
  }
  const sockaddr_in to = loopback(port);
  if (connect(out, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) return out;
  close(out);
  return -1;
}

bool wait_readable(int socket, int ms) {
  pollfd one{socket, POLLIN, 0};
  return poll(&one, 1, ms) > 0;
}

}  // namespace

RawPeer::RawPeer(int64_t port, const Options& options) : socket_(connect_to(port, options.source)) {
  if (socket_ < 0) {
    trouble_ = std::strerror(errno);
    return;
  }
  if (options.tls || options.identity) begin_tls(options.identity, false, options);
}

RawPeer::RawPeer(int socket, const std::optional<Identity>& hub) : socket_(socket) {
  if (socket_ >= 0 && hub) begin_tls(hub, true, {});
}

RawPeer::~RawPeer() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  if (socket_ >= 0) close(socket_);
}

void RawPeer::begin_tls(const std::optional<Identity>& identity, bool is_hub,
                        const Options& options) {
  const timeval limit{kWaitMs / 1000, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  context_ = SSL_CTX_new(is_hub ? TLS_server_method() : TLS_client_method());
  if (options.version_max != 0) SSL_CTX_set_max_proto_version(context_, options.version_max);
  if (!options.groups.empty())
    CW_CHECK(SSL_CTX_set1_groups_list(context_, options.groups.c_str()) == 1);
  if (identity) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> key(
        BIO_new_mem_buf(identity->key_pem.data(), -1), BIO_free);
    const std::unique_ptr<BIO, decltype(&BIO_free)> shown(
        BIO_new_mem_buf(identity->certificate_pem.data(), -1), BIO_free);
    EVP_PKEY* const read_key = PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr);
    X509* const read_shown = PEM_read_bio_X509(shown.get(), nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context_, read_shown);
    SSL_CTX_use_PrivateKey(context_, read_key);
    X509_free(read_shown);
    EVP_PKEY_free(read_key);
  }
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, socket_);
  ERR_clear_error();
  secured_ = (is_hub ? SSL_accept(ssl_) : SSL_connect(ssl_)) == 1;
  if (secured_) return;
  const unsigned long code = ERR_get_error();
  const char* reason = ERR_reason_error_string(code);
  trouble_ = reason == nullptr ? "cut" : reason;
}

bool RawPeer::send(ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ssl_ != nullptr
                             ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(sent));
  }
  return true;
}

bool RawPeer::send_frame(FrameKind kind, ByteSpan payload) {
  const auto head = encode_frame_head({kind, static_cast<uint32_t>(payload.size())});
  return send(head) && send(payload);
}

bool RawPeer::send_preface(WorkerId worker, const std::string& token) {
  return send_frame(FrameKind::kPreface,
                    encode_preface({Preface{}.magic, kProtocolVersion, worker, "1", token}));
}

size_t RawPeer::read_some(std::byte* out, size_t bytes) {
  if (ssl_ == nullptr && !wait_readable(socket_, kWaitMs)) return 0;
  const ssize_t got =
      ssl_ != nullptr ? SSL_read(ssl_, out, static_cast<int>(bytes)) : recv(socket_, out, bytes, 0);
  return got <= 0 ? 0 : static_cast<size_t>(got);
}

std::optional<std::pair<FrameKind, Bytes>> RawPeer::receive() {
  const auto read_all = [this](std::span<std::byte> out) {
    while (!out.empty()) {
      const size_t got = read_some(out.data(), out.size());
      if (got == 0) return false;
      out = out.subspan(got);
    }
    return true;
  };
  std::array<std::byte, kFrameHeadBytes> bytes{};
  if (!read_all(bytes)) return std::nullopt;
  const auto head = decode_frame_head(bytes);
  if (!head) return std::nullopt;
  Bytes payload(head->length);
  if (!read_all(payload)) return std::nullopt;
  return std::pair(head->kind, std::move(payload));
}

size_t RawPeer::drain() {
  Bytes part(4096);
  size_t all = 0;
  while (const size_t got = read_some(part.data(), part.size())) all += got;
  return all;
}

bool RawPeer::is_open() const {
  std::byte one{};
  return recv(socket_, &one, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

bool RawPeer::update_keys() {
  return SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(ssl_) == 1;
}

void RawPeer::cut() {
  if (ssl_ != nullptr) SSL_set_quiet_shutdown(ssl_, 1);
  close(socket_);
  socket_ = -1;
}

// ---- Listening.

RawListener::RawListener() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in end = loopback(0);
  socklen_t size = sizeof(end);
  CW_CHECK(bind(socket_, reinterpret_cast<const sockaddr*>(&end), size) == 0 &&
           listen(socket_, 64) == 0 &&
           getsockname(socket_, reinterpret_cast<sockaddr*>(&end), &size) == 0);
  port_ = ntohs(end.sin_port);
}

RawListener::~RawListener() { close(socket_); }

int RawListener::accept() const {
  return wait_readable(socket_, kWaitMs) ? accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC) : -1;
}

// ---- Relay.

Relay::Relay(int64_t port, Damage damage)
    : target_(port), damage_(damage), thread_([this] { run(); }) {}

Relay::~Relay() {
  stops_ = true;
  const int waker = connect_to(port());
  thread_.join();
  close(waker);
}

void Relay::run() {
  std::vector<std::thread> threads;
  for (int number = 0; !stops_; ++number) {
    const int near = listener_.accept();
    if (near < 0) continue;
    const int far = stops_ ? -1 : connect_to(target_);
    threads.emplace_back([this, near, far, number] { carry(near, far, number); });
  }
  for (std::thread& thread : threads) thread.join();
}

void Relay::carry(int near, int far, int number) {
  Bytes part(16'384);
  int64_t carried = 0;
  while (!stops_ && far >= 0) {
    std::array<pollfd, 2> both{pollfd{near, POLLIN, 0}, pollfd{far, POLLIN, 0}};
    if (poll(both.data(), both.size(), 100) <= 0) continue;
    const bool down = both[1].revents != 0;
    const ssize_t got = recv(down ? far : near, part.data(), part.size(), MSG_DONTWAIT);
    if (got <= 0) break;
    if (down == damage_.down && number < damage_.connections) {
      const int64_t at = damage_.after_bytes - carried;
      carried += got;
      if (at >= 0 && at < got) {
        part[static_cast<size_t>(at)] ^= std::byte{4};
        ++damaged_;
      }
    }
    if (::send(down ? near : far, part.data(), static_cast<size_t>(got), MSG_NOSIGNAL) != got)
      break;
  }
  close(near);
  if (far >= 0) close(far);
}

}  // namespace causeway::live
