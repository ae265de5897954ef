// SPDX-License-Identifier: Apache-2.0
//
// Any bytes are a certificate, a request, or neither. As PEM, and as what PEM would have in it,
// which a fuzzer does not find through base64.
#include <openssl/evp.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/certificates.h"

namespace causeway {
namespace {

std::string pem_of_bytes(const uint8_t* data, size_t size, const std::string& label) {
  std::string text(4 * ((size + 2) / 3) + 1, '\0');
  text.resize(static_cast<size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                                  data, static_cast<int>(size))));
  std::string out = "-----BEGIN " + label + "-----\n";
  for (size_t at = 0; at < text.size(); at += 64) out += text.substr(at, 64) + "\n";
  return out + "-----END " + label + "-----\n";
}

void read(const std::string& pem) {
  const auto info = read_certificate(pem);
  if (info) {
    const bool hub = info->kind == CertificateKind::kHub;
    if (info->name.empty() || info->hosts.empty() == hub) std::abort();
    if (!read_fingerprint(info->fingerprint)) std::abort();
    static_cast<void>(check_certificate(pem, pem, info->kind, info->not_before_unix_s));
  }
  const auto request = read_request(pem);
  if (request && request->name.empty()) std::abort();
}

}  // namespace
}  // namespace causeway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  if (size > 16'384) return 0;
  read(std::string(reinterpret_cast<const char*>(data), size));
  read(pem_of_bytes(data, size, "CERTIFICATE"));
  read(pem_of_bytes(data, size, "CERTIFICATE REQUEST"));
  return 0;
}
