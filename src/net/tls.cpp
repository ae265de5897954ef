// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace causeway {
namespace {

constexpr size_t kReadAheadBytes = size_t{64} << 10;
constexpr long kChainBytesMax = 16 << 10;  // of the certificates that a stranger may show

/// The oldest reason in OpenSSL's queue, which is then empty.
std::string tls_reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : fmt::format("OpenSSL error {:#x}", code);
}

/// Before a call whose SSL_get_error counts: what others left in this thread's queue would be taken
/// for its failure.
void forget_errors() {
  ERR_clear_error();
  errno = 0;
}

using OwnedBio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using OwnedCertificate = std::unique_ptr<X509, decltype(&X509_free)>;
using OwnedKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

OwnedBio reader_of(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free};
}

/// All certificates of the PEM text, through `each`. False if there is none, or one that is bad.
bool each_certificate(const std::string& pem, auto&& each) {
  const OwnedBio bio = reader_of(pem);
  size_t count = 0;
  while (true) {
    const OwnedCertificate one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
    if (one == nullptr) break;
    if (!each(one.get())) return false;
    ++count;
  }
  ERR_clear_error();  // of the end of the text
  return count > 0;
}

bool use_identity(SSL_CTX* context, const Identity& identity) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  if (!each_certificate(identity.authority_pem,
                        [&](X509* one) { return X509_STORE_add_cert(store, one) == 1; }))
    return false;
  bool first = true;
  const bool shown = each_certificate(identity.certificate_pem, [&](X509* one) {
    if (std::exchange(first, false)) return SSL_CTX_use_certificate(context, one) == 1;
    return SSL_CTX_add1_chain_cert(context, one) == 1;
  });
  const OwnedBio bio = reader_of(identity.key_pem);
  const OwnedKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  return shown && key != nullptr && SSL_CTX_use_PrivateKey(context, key.get()) == 1 &&
         SSL_CTX_check_private_key(context) == 1;
}

/// Whether an alert says that our certificate does not serve.
bool judges_certificate(int alert) {
  switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

bool is_address(const std::string& host) {
  in6_addr ignored;
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const Identity& identity, bool is_hub) {
  SSL_CTX* const context = SSL_CTX_new(is_hub ? TLS_server_method() : TLS_client_method());
  CW_CHECK(context != nullptr, "OpenSSL: {}", tls_reason());
  std::shared_ptr<const TlsContext> out(new TlsContext(context, is_hub));
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  // No groups of OpenSSL's own choice: a stranger would ask for ffdhe8192, which costs a server a
  // hundred times what it costs to ask. Keys are Ed25519 (net/certificates.h).
  const bool narrowed = SSL_CTX_set_ciphersuites(context,
                                                 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                                 "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
                        SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1 &&
                        SSL_CTX_set1_sigalgs_list(context, "ed25519") == 1 &&
                        SSL_CTX_set1_client_sigalgs_list(context, "ed25519") == 1;
  CW_CHECK(narrowed, "OpenSSL: {}", tls_reason());
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_max_cert_list(context, kChainBytesMax);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAheadBytes);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_verify_depth(context, 2);
  if (!use_identity(context, identity))
    return failure(Fault::kBadInput, "the certificate, its key and its authority do not serve: {}",
                   tls_reason());
  return out;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::hub(const Identity& identity) {
  return make(identity, true);
}
Result<std::shared_ptr<const TlsContext>> TlsContext::site(const Identity& identity) {
  return make(identity, false);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

TlsStream::TlsStream(std::shared_ptr<const TlsContext> context, int socket, const std::string& host)
    : context_(std::move(context)), socket_(socket) {
  if (context_ == nullptr) return;
  ssl_ = SSL_new(context_->get());
  CW_CHECK(ssl_ != nullptr && SSL_set_fd(ssl_, socket) == 1, "OpenSSL: {}", tls_reason());
  if (context_->is_hub()) {
    SSL_set_accept_state(ssl_);
    return;
  }
  SSL_set_connect_state(ssl_);
  // An empty name would mean that any will do.
  CW_CHECK(!host.empty());
  X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl_);
  X509_VERIFY_PARAM_set_hostflags(
      wanted, X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (is_address(host)) {
    CW_CHECK(X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1);
  } else {
    CW_CHECK(X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size()) == 1);
    SSL_set_tlsext_host_name(ssl_, host.c_str());
  }
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

TlsStream::Status TlsStream::failed(int result) {
  const int system = errno;
  const int what = SSL_get_error(ssl_, result);
  const unsigned long code = ERR_peek_error();
  std::string reason = tls_reason();
  switch (what) {
    case SSL_ERROR_WANT_READ:
      return Status::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return Status::kWantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Status::kClosed;
    case SSL_ERROR_SYSCALL:
      error_ = system == 0 ? "the connection was cut" : std::strerror(system);
      return Status::kFailed;
    default:
      break;
  }
  const int number = ERR_GET_REASON(code);
  // Not SSL_is_init_finished: after an alert that says no again.
  const bool handshaking = !shook_hands_;
  if (const long verdict = SSL_get_verify_result(ssl_); handshaking && verdict != X509_V_OK) {
    verdict_ = Verdict::kOurs;
    error_ =
        fmt::format("its certificate does not serve: {}", X509_verify_cert_error_string(verdict));
  } else if (number == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
    verdict_ = Verdict::kOurs;
    error_ = "it has shown no certificate";
  } else if (judges_certificate(number - SSL_AD_REASON_OFFSET)) {
    // Before it has proved who it is, anybody on the way may have said so.
    if (!handshaking) verdict_ = Verdict::kTheirs;
    error_ = fmt::format("it does not take our certificate: {}", reason);
  } else if (number == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    error_ = "the connection was cut";
  } else {
    error_ = fmt::format("TLS: {}", reason);
  }
  return Status::kFailed;
}

TlsStream::Moved TlsStream::failed_plainly(const char* what) {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
    return {std::strcmp(what, "read") == 0 ? Status::kWantRead : Status::kWantWrite, 0};
  error_ = std::strerror(errno);
  return {Status::kFailed, 0};
}

TlsStream::Status TlsStream::handshake() {
  if (ssl_ == nullptr) return Status::kDone;
  forget_errors();
  const int done = SSL_do_handshake(ssl_);
  shook_hands_ = done == 1;
  return done == 1 ? Status::kDone : failed(done);
}

TlsStream::Moved TlsStream::read(std::span<std::byte> out) {
  if (ssl_ == nullptr) {
    const ssize_t got = recv(socket_, out.data(), out.size(), 0);
    if (got < 0) return failed_plainly("read");
    return {got == 0 ? Status::kClosed : Status::kDone, static_cast<size_t>(got)};
  }
  size_t got = 0;
  forget_errors();
  const int done = SSL_read_ex(ssl_, out.data(), out.size(), &got);
  return {done == 1 ? Status::kDone : failed(done), got};
}

TlsStream::Moved TlsStream::write(ByteSpan bytes) {
  if (ssl_ == nullptr) {
    const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return failed_plainly("write");
    return {Status::kDone, static_cast<size_t>(sent)};
  }
  size_t sent = 0;
  forget_errors();
  const int done = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &sent);
  return {done == 1 ? Status::kDone : failed(done), sent};
}

void TlsStream::shut_down() {
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_) == 1) SSL_shutdown(ssl_);
  ERR_clear_error();
}

Result<CertificateInfo> TlsStream::peer() const {
  CW_CHECK(ssl_ != nullptr);
  const OwnedCertificate shown(SSL_get1_peer_certificate(ssl_), X509_free);
  if (shown == nullptr) return failure(Fault::kRefused, "it has shown no certificate");
  const OwnedBio bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(bio.get(), shown.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  CW_ASSIGN(CertificateInfo info, read_certificate({text, static_cast<size_t>(size)}));
  const CertificateKind wanted =
      context_->is_hub() ? CertificateKind::kSite : CertificateKind::kHub;
  if (info.kind != wanted)
    return failure(Fault::kRefused, "the certificate of {} is not that of a {}", info.name,
                   context_->is_hub() ? "site" : "hub");
  return info;
}

}  // namespace causeway
