// SPDX-License-Identifier: Apache-2.0
#include "web/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <array>

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

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { ::SSL_CTX_free(context); }

Result<TlsContext> TlsContext::make(const std::string& certificate_pem,
                                    const std::string& key_pem) {
  TlsContext tls;
  tls.context_.reset(::SSL_CTX_new(::TLS_server_method()));
  CW_CHECK(tls.context_ != nullptr, "{}", tls_reason());
  SSL_CTX& context = *tls.context_;
  ::SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
  ::SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  ::SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!use_certificates(context, certificate_pem))
    return failure(Fault::kBadInput, "the page's certificate cannot be used: {}", tls_reason());
  if (!use_key(context, key_pem))
    return failure(Fault::kBadInput, "the page's key cannot be used with its certificate: {}",
                   tls_reason());
  return tls;
}

}  // namespace causeway
