// SPDX-License-Identifier: Apache-2.0
#include "web/access.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cctype>

#include "core/check.h"

namespace causeway {
namespace {

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, {}, [](unsigned char c) { return std::tolower(c); },
      [](unsigned char c) { return std::tolower(c); });
}

// "[::1]:80" and "localhost:80" without the port, which is digits only.
std::string_view host_name(std::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || host.ends_with(']')) return host;
  const bool port = host.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  return port ? host.substr(0, colon) : host;
}

bool is_loopback_v4(std::string_view name) {
  return name.starts_with("127.") &&
         name.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

Access::Access(std::string_view token, bool own_host_only)
    : open_(token.empty()), own_host_only_(open_ && own_host_only), token_hash_(hash_of(token)) {}

// Hashes have one length, so that comparing them takes one time.
Access::Hash Access::hash_of(std::string_view text) {
  Hash hash{};
  unsigned size = 0;
  const int ok =
      ::EVP_Digest(text.data(), text.size(), hash.data(), &size, ::EVP_sha256(), nullptr);
  CW_CHECK(ok == 1 && size == hash.size());
  return hash;
}

bool Access::may_see(std::string_view authorization, std::string_view parameter) const {
  if (open_) return true;
  constexpr std::string_view kScheme = "Bearer ";
  std::string_view given = parameter;
  if (same_word(authorization.substr(0, kScheme.size()), kScheme))
    given = authorization.substr(kScheme.size());
  const Hash hash = hash_of(given);
  return ::CRYPTO_memcmp(hash.data(), token_hash_.data(), hash.size()) == 0;
}

bool Access::is_for_us(std::string_view host) const {
  if (!own_host_only_ || host.empty()) return true;  // HTTP/1.0 names no host; no browser speaks it
  const std::string_view name = host_name(host);
  return same_word(name, "localhost") || name == "[::1]" || is_loopback_v4(name);
}

}  // namespace causeway
