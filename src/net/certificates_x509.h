// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL's objects as owners, and what is read from them. Only certificates*.cpp include this.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "net/certificates.h"

namespace causeway {

template <auto Free>
struct FreedBy {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using Request = std::unique_ptr<X509_REQ, FreedBy<X509_REQ_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, FreedBy<GENERAL_NAMES_free>>;

/// Most DNS names and addresses of one hub, and bytes of a name of a site.
inline constexpr int64_t kHostsMax = 32;
inline constexpr size_t kNameBytesMax = 64;

/// OpenSSL's last reason, in its words. Empties the thread's queue, which TLS looks at, too.
std::string openssl_reason();

/// Each is null if the text has none that can be read. Nobody is asked for a password.
Certificate certificate_of(std::string_view pem);
Request request_of(std::string_view pem);
Key key_of(std::string_view pem);

std::string pem_of(X509& certificate);
std::string pem_of(X509_REQ& request);
std::string pem_of(EVP_PKEY& key);  ///< PKCS #8, without a password

/// What a certificate says. Fault::kBadInput if ours could not say it.
Result<CertificateInfo> describe_certificate(X509& certificate);
/// What a request says, whose signature is checked. Fault::kBadInput.
Result<RequestInfo> describe_request(X509_REQ& request);

/// Fault::kRefused unless `authority` signed `certificate`, both are valid at this time, and it is
/// for this kind's purpose in TLS.
Result<void> verify_certificate(X509& authority, X509& certificate, CertificateKind kind,
                                int64_t now_unix_s);

/// Fault::kBadInput, with what a name is.
Result<void> check_name(std::string_view name);

/// A host as a certificate has it: a DNS name in lower case, or the octets of an address.
struct Host {
  std::string text;    ///< as people write it
  std::string octets;  ///< 4 or 16 of an address; empty: a DNS name
};
/// Fault::kBadInput, with what a host is.
Result<Host> read_host(std::string_view text);
/// 4 or 16 octets as text; empty if there are others.
std::string address_text(std::string_view octets);

}  // namespace causeway
