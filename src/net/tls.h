// SPDX-License-Identifier: Apache-2.0
//
// Mutual TLS 1.3 over a socket that does not block, by OpenSSL. It writes to the socket without
// MSG_NOSIGNAL: threads that use it block or ignore SIGPIPE (net/net_threads.h).
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "core/bytes.h"
#include "net/certificates.h"

namespace causeway {

/// What one side shows and trusts. Immutable; thread-safe.
class TlsContext {
 public:
  /// A hub's: whoever connects must show a certificate of the authority that is a site's.
  static Result<std::shared_ptr<const TlsContext>> hub(const Identity& identity);
  /// A site's: the other side must show a hub's certificate for the host that was asked for.
  static Result<std::shared_ptr<const TlsContext>> site(const Identity& identity);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  SSL_CTX* get() const { return context_; }
  bool is_hub() const { return is_hub_; }

 private:
  TlsContext(SSL_CTX* context, bool is_hub) : context_(context), is_hub_(is_hub) {}
  static Result<std::shared_ptr<const TlsContext>> make(const Identity& identity, bool is_hub);

  SSL_CTX* const context_;
  const bool is_hub_;
};

/// One connection: bytes in the clear on this side. With a null context it is none but the bare
/// socket. One thread at a time.
class TlsStream {
 public:
  enum class Status : uint8_t {
    kDone = 1,
    kWantRead = 2,   ///< again when the socket can be read
    kWantWrite = 3,  ///< again, with the same bytes, when it can be written
    kClosed = 4,     ///< the other side has ended it in order
    kFailed = 5,     ///< error() says why
  };
  struct Moved {
    Status status = Status::kDone;
    size_t bytes = 0;
  };

  /// Why it failed, for who must decide whether to try again.
  enum class Verdict : uint8_t {
    kNone = 1,    ///< the connection was cut, or what came was no TLS
    kOurs = 2,    ///< the other side's certificate does not serve
    kTheirs = 3,  ///< ours does not serve the other side, and it proved that it may say so
  };

  /// `socket` does not block, and outlives the stream. `host`: whom a site wants to reach, not
  /// empty.
  TlsStream(std::shared_ptr<const TlsContext> context, int socket, const std::string& host);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  Status handshake();
  Moved read(std::span<std::byte> out);
  Moved write(ByteSpan bytes);
  /// Says goodbye, if that can be done at once.
  void shut_down();

  const std::string& error() const { return error_; }
  Verdict verdict() const { return verdict_; }
  /// The certificate that the other side has shown; only after the handshake. Fault::kRefused with
  /// why it does not serve.
  Result<CertificateInfo> peer() const;

 private:
  Status failed(int result);
  Moved failed_plainly(const char* what);

  const std::shared_ptr<const TlsContext> context_;
  const int socket_;
  SSL* ssl_ = nullptr;
  bool shook_hands_ = false;
  std::string error_;
  Verdict verdict_ = Verdict::kNone;
};

}  // namespace causeway
