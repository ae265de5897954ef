// SPDX-License-Identifier: Apache-2.0
//
// gRPC's connections with our certificates: TLS 1.3 and nothing older, both sides show a
// certificate. A hub takes only what the authority signed for a client, a site only what it signed
// for a server of the name that it connects to; docs/certificates.md has the whole.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_context.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "net/certificates.h"

namespace causeway {

/// Holds all TLS connections of gRPC in this process to TLS 1.3, for good. Call it from main,
/// before any thread (it sets an environment variable) and any use of gRPC (which reads it once).
void hold_to_tls13();

/// A hub's side. `hold_to_tls13` was called, else it is a bug.
std::shared_ptr<grpc::ServerCredentials> server_credentials(const Identity& identity);
/// A site's side. The channel's target has the host's name or address as the hub's certificate has
/// it. `hold_to_tls13` was called, else it is a bug.
std::shared_ptr<grpc::ChannelCredentials> channel_credentials(const Identity& identity);

/// The certificate of the other side of a call, PEM; empty without TLS, and for a client before the
/// hub's first answer. From one thread of a call at a time.
std::string peer_certificate_pem(const grpc::ServerContextBase& call);
std::string peer_certificate_pem(const grpc::ClientContext& call);

/// Who the other side of a call is, if it may speak to us now. The handshake has looked at most of
/// this, once; but a connection may be older than a revocation and than a certificate's end.
/// Fault::kRefused, in words for its owner. Takes about half a millisecond. Safe from many threads.
Result<CertificateInfo> check_peer(std::string_view peer_pem, CertificateKind kind,
                                   const Identity& own, const AccessList& access,
                                   int64_t now_unix_s);

}  // namespace causeway
