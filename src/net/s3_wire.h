// SPDX-License-Identifier: Apache-2.0
//
// HTTP requests to a store: the one place with sockets, sleep and libcurl. What is above it decides
// what to say and when to say it again (s3_call.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/error.h"

namespace causeway {

inline constexpr int64_t kComplaintBytesMax = 64 << 10;  ///< of an answer that is no success

struct WireRequest {
  std::string method;                ///< GET, PUT or DELETE
  std::string url;                   ///< escaped
  std::vector<std::string> headers;  ///< `Name: value`
  ByteSpan body;                     ///< of a PUT; stays alive and unchanged during the call
  int64_t bytes_max = 0;             ///< of the body of an answer that is a success
};

struct WireAnswer {
  int32_t status = 0;
  Bytes body;          ///< cut to kComplaintBytesMax if `status` is no success
  std::string crc32c;  ///< of the header x-amz-meta-crc32c; empty: there is none
};

/// Calls block, for WireOptions::timeout_ms at most, and as long before where all connections are
/// taken; safe from many threads.
class Wire {
 public:
  virtual ~Wire() = default;

  /// One request, one answer of any status. Fault::kTimeout and kPeerLost may pass: no answer in
  /// time; not reachable, or cut. Fault::kCorrupt: no HTTP, or longer than `bytes_max`, before it
  /// is held. Fault::kRefused: a certificate that is not trusted. Fault::kBadInput: an address that
  /// is none. Fault::kIo: cancelled.
  virtual Result<WireAnswer> exchange(const WireRequest& request) = 0;
  /// Waits; less, if cancelled.
  virtual void pause(int64_t ms) = 0;
  /// Ends what waits, within about a second, and all that comes later.
  virtual void cancel() = 0;
};

struct WireOptions {
  int64_t timeout_ms = 30'000;  ///< of one exchange
  int64_t connections = 8;      ///< at once; further callers wait for one
  std::string authority_file;   ///< PEM; empty: the system's authorities
};

/// Over TCP and TLS 1.2 or newer. Certificates are always verified. Connections are kept.
std::unique_ptr<Wire> curl_wire(const WireOptions& options);

/// The scheme, host and port of an address: `https://HOST[:PORT]`, or `http://` to this machine
/// (localhost, 127.x.x.x, [::1]), without anything after it.
struct StoreEndpoint {
  std::string origin;  ///< as given
  std::string host;    ///< value of the header Host: HOST, and :PORT unless it is the scheme's own
};

/// Fault::kBadInput with what was wanted.
Result<StoreEndpoint> read_endpoint(std::string_view text);

}  // namespace causeway
