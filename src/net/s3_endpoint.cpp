// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "net/s3_wire.h"

namespace causeway {
namespace {

constexpr size_t kEndpointBytesMax = 253;

bool all_of(std::string_view text, std::string_view wanted) {
  return !text.empty() && text.find_first_not_of(wanted) == text.npos;
}

// 127.x.x.x in four numbers: a name such as 127.example.org is somebody else.
bool is_loopback_address(std::string_view host) {
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         all_of(host, "0123456789.");
}

bool is_this_machine(std::string_view host) {
  return host == "localhost" || host == "[::1]" || is_loopback_address(host);
}

bool is_host(std::string_view host) {
  if (host.size() > kEndpointBytesMax) return false;
  if (host.starts_with("[") && host.ends_with("]"))
    return all_of(host.substr(1, host.size() - 2), "0123456789abcdefABCDEF:.");
  return all_of(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
}

// Empty is none; 0 is no port.
bool read_port(std::string_view text, int& port) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && port >= 1 &&
         port <= 65535;
}

}  // namespace

Result<StoreEndpoint> read_endpoint(std::string_view text) {
  const bool plain = text.starts_with("http://");
  const size_t scheme = plain ? 7 : 8;
  const Error wrong = failure(
      Fault::kBadInput,
      "endpoint: got \"{}\"; wanted: https://HOST[:PORT], or http:// and localhost, without a path",
      text.substr(0, kEndpointBytesMax));
  if (!plain && !text.starts_with("https://")) return wrong;
  const std::string_view authority = text.substr(scheme);
  const size_t bracket = authority.find(']');
  const size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
  const std::string_view host = authority.substr(0, colon);
  int port = plain ? 80 : 443;
  const int own_port = port;
  if (!is_host(host)) return wrong;
  if (colon != authority.npos && !read_port(authority.substr(colon + 1), port)) return wrong;
  if (plain && !is_this_machine(host)) return wrong;
  StoreEndpoint endpoint{std::string(text), std::string(host)};
  if (port != own_port) endpoint.host += ":" + std::to_string(port);
  return endpoint;
}

}  // namespace causeway
