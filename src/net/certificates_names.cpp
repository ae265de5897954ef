// SPDX-License-Identifier: Apache-2.0
//
// Names of sites, hosts of hubs, fingerprints: what people type, before it is in a certificate.
#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "net/certificates_x509.h"

namespace causeway {
namespace {

constexpr size_t kHostBytesMax = 253;
constexpr size_t kLabelBytesMax = 63;
constexpr size_t kFingerprintDigits = 64;

// Not std::isalnum, which asks the locale.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLabelBytesMax && label.front() != '-' &&
         label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

bool is_dns_name(std::string_view text) {
  if (text.size() > kHostBytesMax) return false;
  std::string_view label;
  while (true) {
    const size_t dot = text.find('.');
    label = text.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == text.npos) break;
    text.remove_prefix(dot + 1);
  }
  // Else it is an address that is none, such as 10.0.0.256.
  return !std::ranges::all_of(label, is_digit);
}

/// What is told again may be a stranger's, and have a terminal's commands in it.
std::string quoted(std::string_view text, size_t size_max) {
  std::string out(text.substr(0, size_max));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out + (text.size() > size_max ? "..." : "");
}

std::string octets_of(const std::string& text) {
  std::array<char, 16> octets{};
  if (inet_pton(AF_INET, text.c_str(), octets.data()) == 1) return {octets.data(), 4};
  if (inet_pton(AF_INET6, text.c_str(), octets.data()) == 1) return {octets.data(), 16};
  return {};
}

}  // namespace

std::string_view certificate_kind_name(CertificateKind kind) {
  switch (kind) {
    case CertificateKind::kAuthority:
      return "authority";
    case CertificateKind::kHub:
      return "hub";
    case CertificateKind::kSite:
      return "site";
  }
  CW_CHECK(false, "kind {}", static_cast<int>(kind));
}

Result<void> check_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= kNameBytesMax && name.front() != '.' &&
                    name.front() != '-' && std::ranges::all_of(name, [](char c) {
                      return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
                    });
  if (good) return {};
  return failure(Fault::kBadInput,
                 "name `{}`: wanted 1 to {} of the letters a-z, A-Z, 0-9, `.`, `_`, `-`, the first "
                 "of them no `.` or `-`",
                 quoted(name, kNameBytesMax), kNameBytesMax);
}

std::string address_text(std::string_view octets) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (octets.size() != 4 && octets.size() != 16) return {};
  inet_ntop(octets.size() == 4 ? AF_INET : AF_INET6, octets.data(), text.data(), text.size());
  return text.data();
}

Result<Host> read_host(std::string_view text) {
  const std::string given(text);
  if (given.find('\0') == given.npos)
    if (std::string octets = octets_of(given); !octets.empty())
      return Host{address_text(octets), octets};
  Host host{given, {}};
  std::ranges::transform(host.text, host.text.begin(), lower);
  if (is_dns_name(host.text)) return host;
  const bool port = std::ranges::count(text, ':') == 1;
  return failure(Fault::kBadInput,
                 "host `{}`: wanted a DNS name such as hub.example.org (letters, digits, `-`; "
                 "others as xn--...), or an address such as 192.0.2.7 or 2001:db8::7{}",
                 quoted(text, kLabelBytesMax), port ? "; without a port" : "");
}

Result<std::string> read_fingerprint(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != ':') digits += lower(c);
  const bool good = digits.size() == kFingerprintDigits && std::ranges::all_of(digits, [](char c) {
                      return is_digit(c) || (c >= 'a' && c <= 'f');
                    });
  if (good) return digits;
  return failure(Fault::kBadInput,
                 "`{}` is no fingerprint: wanted the 64 hexadecimal digits of a certificate's "
                 "SHA-256, as `causeway cert show FILE` prints them",
                 quoted(text, kFingerprintDigits));
}

}  // namespace causeway
