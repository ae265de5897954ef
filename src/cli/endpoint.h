// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/error.h"
#include "net/tls.h"

namespace causeway {

struct Endpoint {
  std::string host;
  int64_t port = 0;
};

/// HOST:PORT, [IPV6]:PORT, or HOST alone with `port` as default. Fault::kBadInput.
Result<Endpoint> parse_endpoint(const std::string& text, int64_t port);

/// "50Mbit/s", "2Gbit/s" or "800kbit/s" as bytes a second; empty: 0. Fault::kBadInput.
Result<double> parse_rate(const std::string& text);

/// How this side shows who it is: a certificate, or nothing at all, which only loopback may do.
struct SecurityArguments {
  std::string certificate, token_file;
  bool insecure = false;
};

/// Null with --insecure. Fault::kBadInput if neither or both are given, or the files do not serve.
Result<std::shared_ptr<const TlsContext>> open_security(const SecurityArguments& arguments,
                                                        const std::string& host,
                                                        CertificateKind kind);
/// The first line of the file; empty if there is no file named. Fault::kBadInput, kIo.
Result<std::string> read_token(const std::string& path);

}  // namespace causeway
