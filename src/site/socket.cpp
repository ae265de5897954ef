// SPDX-License-Identifier: Apache-2.0
#include "site/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace causeway::site {
namespace {

constexpr uint32_t kFrameWord = 0x47575743;  // "CWWG"
constexpr int kBacklog = 128;

std::string reason(int error) { return std::generic_category().message(error); }

void set_option(const Socket& socket, int level, int name, int value) {
  // Each of these only makes a connection better: without it all still works.
  static_cast<void>(setsockopt(socket.descriptor(), level, name, &value, sizeof(value)));
}

/// A machine that vanishes without a word is noticed after half a minute.
void set_stream_options(const Socket& socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

Socket stream_socket(int family) {
  return Socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/// True once one of `events` is there, or the connection has failed; false at the deadline.
bool wait_for(const Socket& socket, int16_t events, const Deadline& deadline) {
  while (true) {
    pollfd entry{socket.descriptor(), events, 0};
    const int64_t left_ms = std::min<int64_t>(deadline.left_ms(), 60'000);
    if (poll(&entry, 1, static_cast<int>(left_ms)) > 0) return true;
    if (deadline.passed()) return false;
  }
}

template <class Address>
Result<Socket> listen_on(const Address& address, bool both_families) {
  Socket socket = stream_socket(reinterpret_cast<const sockaddr&>(address).sa_family);
  if (!socket.is_open()) return failure(Fault::kIo, "no socket: {}", reason(errno));
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (both_families) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
          0 ||
      listen(socket.descriptor(), kBacklog) != 0)
    return failure(Fault::kIo, "cannot listen: {}", reason(errno));
  return socket;
}

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof(text));
  } else if (address.ss_family == AF_INET6) {
    const in6_addr& number = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    // A listener of both families sees IPv4 in IPv6's clothes.
    if (IN6_IS_ADDR_V4MAPPED(&number))
      inet_ntop(AF_INET, number.s6_addr + 12, text, sizeof(text));
    else
      inet_ntop(AF_INET6, &number, text, sizeof(text));
  }
  return text;
}

sockaddr_storage end_of(const Socket& socket, decltype(getsockname)* which) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  which(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), &size);
  return address;
}

/// Where nobody listens, a connection may take the very port that it calls, and reach itself.
bool reached_itself(const Socket& socket) {
  const sockaddr_storage near = end_of(socket, getsockname), far = end_of(socket, getpeername);
  return std::memcmp(&near, &far, sizeof(near)) == 0;
}

Result<Socket> connect_to_one(const addrinfo& target, const Deadline& deadline) {
  Socket socket = stream_socket(target.ai_family);
  if (!socket.is_open()) return failure(Fault::kIo, "no socket: {}", reason(errno));
  set_stream_options(socket);
  if (connect(socket.descriptor(), target.ai_addr, target.ai_addrlen) != 0 && errno != EINPROGRESS)
    return failure(Fault::kPeerLost, "{}", reason(errno));
  if (!wait_for(socket, POLLOUT, deadline))
    return failure(Fault::kPeerLost, "no answer within the time");
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return failure(Fault::kPeerLost, "{}", reason(error));
  if (reached_itself(socket)) return failure(Fault::kPeerLost, "nobody listens");
  return socket;
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

void Socket::close() {
  if (is_open()) ::close(std::exchange(descriptor_, -1));
}

Result<Socket> listen_at(int32_t port, bool loopback_alone) {
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(static_cast<uint16_t>(port));
  four.sin_addr.s_addr = htonl(loopback_alone ? INADDR_LOOPBACK : INADDR_ANY);
  if (loopback_alone) return listen_on(four, false);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = four.sin_port;
  auto both = listen_on(six, true);
  return both ? std::move(both) : listen_on(four, false);
}

Socket accept_from(const Socket& listener) {
  Socket socket(accept4(listener.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.is_open()) set_stream_options(socket);
  return socket;
}

Result<Socket> connect_to(const std::string& host, int32_t port, const Deadline& deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int unknown = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (unknown != 0) return failure(Fault::kPeerLost, "{}: {}", host, gai_strerror(unknown));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  Result<Socket> last = failure(Fault::kPeerLost, "{}: no address", host);
  for (const addrinfo* target = found; target && !last; target = target->ai_next)
    last = connect_to_one(*target, deadline);
  return last;
}

std::string local_address(const Socket& socket) {
  return address_text(end_of(socket, getsockname));
}

std::string remote_address(const Socket& socket) {
  return address_text(end_of(socket, getpeername));
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

Result<size_t> frame_size(ByteSpan head, size_t size_max) {
  ByteReader reader(head);
  CW_ASSIGN(const uint32_t word, reader.get<uint32_t>());
  CW_ASSIGN(const uint32_t size, reader.get<uint32_t>());
  if (word != kFrameWord) return failure(Fault::kCorrupt, "got bytes that are no frame");
  if (size > size_max)
    return failure(Fault::kCorrupt, "got a frame of {} bytes, wanted at most {}", size, size_max);
  return size;
}

Result<bool> IncomingFrame::read_from(const Socket& socket) {
  while (bytes_.size() < wanted_) {
    std::byte chunk[4096];
    const size_t room = std::min(sizeof(chunk), wanted_ - bytes_.size());
    const ssize_t got = recv(socket.descriptor(), chunk, room, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (got < 0) return failure(Fault::kPeerLost, "{}", reason(errno));
    if (got == 0) return failure(Fault::kPeerLost, "the connection ended");
    ByteWriter(bytes_).put(ByteSpan(chunk, static_cast<size_t>(got)));
    if (wanted_ == kFrameHeadBytes && bytes_.size() == kFrameHeadBytes) {
      CW_ASSIGN(const size_t size, frame_size(bytes_, size_max_));
      wanted_ += size;
    }
  }
  return true;
}

Result<void> send_frame(const Socket& socket, ByteSpan body, const Deadline& deadline) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.put(kFrameWord);
  writer.put(static_cast<uint32_t>(body.size()));
  writer.put(body);
  ByteSpan left = bytes;
  while (!left.empty()) {
    const ssize_t sent = send(socket.descriptor(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      left = left.subspan(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait_for(socket, POLLOUT, deadline))
        return failure(Fault::kPeerLost, "could not send within the time");
    } else if (errno != EINTR) {
      return failure(Fault::kPeerLost, "{}", reason(errno));
    }
  }
  return {};
}

Result<Bytes> receive_frame(const Socket& socket, size_t size_max, const Deadline& deadline) {
  IncomingFrame frame(size_max);
  while (true) {
    CW_ASSIGN(const bool complete, frame.read_from(socket));
    if (complete) return Bytes(frame.body().begin(), frame.body().end());
    if (!wait_for(socket, POLLIN, deadline))
      return failure(Fault::kPeerLost, "no answer within the time");
  }
}

}  // namespace causeway::site
