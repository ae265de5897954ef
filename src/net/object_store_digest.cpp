// SPDX-License-Identifier: Apache-2.0
#include "net/object_store_digest.h"

#include <openssl/evp.h>

namespace causeway {

Sha256 sha256_of(ByteSpan bytes) {
  Sha256 out;
  const int made =
      EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr,
                 EVP_sha256(), nullptr);
  CW_CHECK(made == 1, "OpenSSL cannot make a SHA-256");
  return out;
}

std::string hex_of(ByteSpan bytes) {
  std::string out;
  for (const std::byte byte : bytes)
    fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned>(byte));
  return out;
}

}  // namespace causeway
