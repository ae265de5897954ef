// SPDX-License-Identifier: Apache-2.0
#include "web/listen_socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace causeway {
namespace {

constexpr int kBacklog = 128;

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

bool is_loopback(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) != 0;
}

std::string system_reason() { return std::system_category().message(errno); }

Result<int64_t> port_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return failure(Fault::kIo, "{}", system_reason());
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return ntohs(v4.sin_port);
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  return ntohs(v6.sin6_port);
}

Result<ListenSocket> listen_on(const addrinfo& address) {
  ListenSocket out{Descriptor(::socket(
      address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol))};
  const int fd = out.fd.get(), on = 1;
  // A hub that starts again takes the port it had, though old connections linger.
  if (fd < 0 || ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd, address.ai_addr, address.ai_addrlen) != 0 || ::listen(fd, kBacklog) != 0)
    return failure(Fault::kIo, "{}", system_reason());
  CW_ASSIGN(out.port, port_of(fd));
  return out;
}

}  // namespace

Result<ListenSocket> listen_at(const std::string& host, int64_t port, bool loopback_only) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (status != 0)
    return failure(Fault::kIo, "{}:{}: cannot listen: {}", host, port, ::gai_strerror(status));
  const Addresses addresses(found, &::freeaddrinfo);
  for (const addrinfo* at = found; loopback_only && at != nullptr; at = at->ai_next)
    if (!is_loopback(*at->ai_addr))
      return failure(Fault::kBadInput,
                     "{}: plain HTTP is for loopback only: give a certificate and its key, or "
                     "listen at 127.0.0.1",
                     host);
  std::string reason = "it has no address";
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    auto listening = listen_on(*at);
    if (listening) return listening;
    reason = listening.error().message;
  }
  return failure(Fault::kIo, "{}:{}: cannot listen: {}", host, port, reason);
}

}  // namespace causeway
