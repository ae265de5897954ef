// SPDX-License-Identifier: Apache-2.0
#include "web/page_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>

namespace causeway {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&::BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&::X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;

std::string tls_reason() {
  std::array<char, 256> text{};
  ::ERR_error_string_n(::ERR_get_error(), text.data(), text.size());
  ::ERR_clear_error();
  return text.data();
}

Bio reader_of(const std::string& text) {
  return {::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &::BIO_free};
}

Certificate next_certificate(BIO& in) {
  return {::PEM_read_bio_X509(&in, nullptr, nullptr, nullptr), &::X509_free};
}

// A key with a pass phrase is refused: nobody is there to be asked for it.
int no_pass_phrase(char*, int, int, void*) { return -1; }

bool use_certificates(SSL_CTX& context, const std::string& pem) {
  const Bio in = reader_of(pem);
  const Certificate own = next_certificate(*in);
  if (!own || ::SSL_CTX_use_certificate(&context, own.get()) != 1) return false;
  while (const Certificate more = next_certificate(*in))
    if (::SSL_CTX_add1_chain_cert(&context, more.get()) != 1) return false;
  ::ERR_clear_error();  // the end of the file is one
  return true;
}

bool use_key(SSL_CTX& context, const std::string& pem) {
  const Bio in = reader_of(pem);
  const Key key(::PEM_read_bio_PrivateKey(in.get(), nullptr, &no_pass_phrase, nullptr),
                &::EVP_PKEY_free);
  return key && ::SSL_CTX_use_PrivateKey(&context, key.get()) == 1 &&
         ::SSL_CTX_check_private_key(&context) == 1;
}

/// A year from now; a hub that runs longer has been started again.
constexpr long kBrowserSeconds = 365L * 24 * 3600;

/// One of this process, with the names of `like`.
Certificate browser_certificate(X509& like, EVP_PKEY& key) {
  Certificate out(::X509_new(), &::X509_free);
  X509& made = *out;
  bool good = ::X509_set_version(&made, X509_VERSION_3) == 1 &&
              ::ASN1_INTEGER_set_int64(::X509_get_serialNumber(&made), ::time(nullptr)) == 1 &&
              ::X509_gmtime_adj(::X509_getm_notBefore(&made), 0) != nullptr &&
              ::X509_gmtime_adj(::X509_getm_notAfter(&made), kBrowserSeconds) != nullptr &&
              ::X509_set_subject_name(&made, ::X509_get_subject_name(&like)) == 1 &&
              ::X509_set_issuer_name(&made, ::X509_get_subject_name(&like)) == 1 &&
              ::X509_set_pubkey(&made, &key) == 1;
  const int names = ::X509_get_ext_by_NID(&like, NID_subject_alt_name, -1);
  if (names >= 0) good = good && ::X509_add_ext(&made, ::X509_get_ext(&like, names), -1) == 1;
  good = good && ::X509_sign(&made, &key, ::EVP_sha256()) > 0;
  return good ? std::move(out) : Certificate(nullptr, &::X509_free);
}

/// Beside the first, which OpenSSL keeps for who takes its kind of key.
bool add_browser_certificate(SSL_CTX& context) {
  X509& own = *::SSL_CTX_get0_certificate(&context);
  const Key key(::EVP_EC_gen("P-256"), &::EVP_PKEY_free);
  if (!key) return false;
  const Certificate certificate = browser_certificate(own, *key);
  return certificate && ::SSL_CTX_use_certificate(&context, certificate.get()) == 1 &&
         ::SSL_CTX_use_PrivateKey(&context, key.get()) == 1 &&
         ::SSL_CTX_set1_sigalgs_list(&context, "ed25519:ECDSA+SHA256") == 1;
}

}  // namespace

void PageTls::Free::operator()(ssl_ctx_st* context) const { ::SSL_CTX_free(context); }

Result<PageTls> PageTls::make(const std::string& certificate_pem, const std::string& key_pem) {
  PageTls tls;
  tls.context_.reset(::SSL_CTX_new(::TLS_server_method()));
  CW_CHECK(tls.context_ != nullptr, "{}", tls_reason());
  SSL_CTX& context = *tls.context_;
  ::SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
  ::SSL_CTX_set_options(
      &context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  ::SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!use_certificates(context, certificate_pem))
    return failure(Fault::kBadInput, "the page's certificate cannot be used: {}", tls_reason());
  if (!use_key(context, key_pem))
    return failure(Fault::kBadInput, "the page's key cannot be used with its certificate: {}",
                   tls_reason());
  const bool ed25519 = ::EVP_PKEY_is_a(::SSL_CTX_get0_privatekey(&context), "ED25519") == 1;
  CW_CHECK(!ed25519 || add_browser_certificate(context), "{}", tls_reason());
  return tls;
}

}  // namespace causeway
