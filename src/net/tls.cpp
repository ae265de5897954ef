// SPDX-License-Identifier: Apache-2.0
//
// gRPC 1.51 asks OpenSSL for TLS 1.2 or newer, after OpenSSL's configuration was read, and offers
// no way to ask for more. But it takes the list of ciphers for TLS 1.2 from the environment (those
// of TLS 1.3 are another list, which it leaves alone). A list of one that needs a key shared
// beforehand, which gRPC never has, leaves TLS 1.2 no cipher: both sides refuse it.
#include "net/tls.h"

#include <grpc/grpc_security_constants.h>

#include <cstdlib>

namespace causeway {
namespace {

constexpr const char* kVariable = "GRPC_SSL_CIPHER_SUITES";
constexpr const char* kNoCipherOfTls12 = "PSK-AES256-GCM-SHA384";

void check_held_to_tls13() {
  const char* set = std::getenv(kVariable);
  CW_CHECK(set != nullptr && std::string_view(set) == kNoCipherOfTls12,
           "main has not called hold_to_tls13");
}

std::string certificate_in(const grpc::AuthContext* context) {
  if (context == nullptr) return {};
  const auto found = context->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (found.size() != 1) return {};
  return {found.front().data(), found.front().size()};
}

}  // namespace

void hold_to_tls13() { CW_CHECK(::setenv(kVariable, kNoCipherOfTls12, 1) == 0, "no memory"); }

std::shared_ptr<grpc::ServerCredentials> server_credentials(const Identity& identity) {
  check_held_to_tls13();
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = identity.authority_pem;
  options.pem_key_cert_pairs.push_back({identity.key_pem, identity.certificate_pem});
  return grpc::SslServerCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> channel_credentials(const Identity& identity) {
  check_held_to_tls13();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = identity.authority_pem;
  options.pem_private_key = identity.key_pem;
  options.pem_cert_chain = identity.certificate_pem;
  return grpc::SslCredentials(options);
}

std::string peer_certificate_pem(const grpc::ServerContextBase& call) {
  return certificate_in(call.auth_context().get());
}

std::string peer_certificate_pem(const grpc::ClientContext& call) {
  return certificate_in(call.auth_context().get());
}

Result<CertificateInfo> check_peer(std::string_view peer_pem, CertificateKind kind,
                                   const Identity& own, const AccessList& access,
                                   int64_t now_unix_s) {
  if (peer_pem.empty()) return failure(Fault::kRefused, "the other side shows no certificate");
  auto info = check_certificate(own.authority_pem, peer_pem, kind, now_unix_s);
  if (!info) return failure(Fault::kRefused, "{}", info.error().message);
  if (const std::string why = access.why_refused(info->fingerprint); !why.empty())
    return failure(Fault::kRefused, "{} of {}: {}", info->name, certificate_kind_name(kind), why);
  return info;
}

}  // namespace causeway
