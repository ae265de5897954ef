// SPDX-License-Identifier: Apache-2.0
//
// Handshakes in memory: what a client is shown that takes these kinds of signatures.
#include "web/page_tls.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace causeway {
namespace {

struct Pair {
  std::string certificate, key;
};

std::string text_of(BIO* from) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(from, &data);
  return {data, static_cast<size_t>(size)};
}

/// A certificate for hub.example that has signed itself.
Pair make_pair_of(EVP_PKEY* key, const EVP_MD* digest) {
  X509* made = X509_new();
  X509_set_version(made, X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(made), 0);
  X509_gmtime_adj(X509_getm_notAfter(made), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("hub"), -1, -1, 0);
  X509_set_issuer_name(made, X509_get_subject_name(made));
  X509_set_pubkey(made, key);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:hub.example,IP:127.0.0.1");
  X509_add_ext(made, names, -1);
  X509_EXTENSION_free(names);
  EXPECT_GT(X509_sign(made, key, digest), 0);
  BIO* certificate = BIO_new(BIO_s_mem());
  BIO* secret = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate, made);
  PEM_write_bio_PrivateKey(secret, key, nullptr, nullptr, 0, nullptr, nullptr);
  Pair out{text_of(certificate), text_of(secret)};
  BIO_free(certificate);
  BIO_free(secret);
  X509_free(made);
  EVP_PKEY_free(key);
  return out;
}

Pair ed25519_pair() {
  return make_pair_of(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), nullptr);
}

/// What the server shows to who takes `algorithms`; null if they do not come to terms.
X509* shown_to(const PageTls& server, const char* algorithms, int version) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, version);
  EXPECT_EQ(SSL_CTX_set1_sigalgs_list(context, algorithms), 1);
  SSL* client = SSL_new(context);
  SSL* hub = SSL_new(server.get());
  BIO *one = nullptr, *other = nullptr;
  BIO_new_bio_pair(&one, 0, &other, 0);
  SSL_set_bio(client, one, one);
  SSL_set_bio(hub, other, other);
  SSL_set_connect_state(client);
  SSL_set_accept_state(hub);
  bool done = false;
  for (int turn = 0; turn < 20 && !done; ++turn) {
    const int here = SSL_do_handshake(client), there = SSL_do_handshake(hub);
    done = here == 1 && there == 1;
  }
  X509* shown = done ? SSL_get1_peer_certificate(client) : nullptr;
  SSL_free(client);
  SSL_free(hub);
  SSL_CTX_free(context);
  return shown;
}

constexpr const char* kBrowsers = "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256";
constexpr const char* kTools = "ECDSA+SHA256:ed25519:RSA-PSS+SHA256";

TEST(PageTls, ShowsItsOwnCertificateToWhoTakesEd25519) {
  const Pair pair = ed25519_pair();
  const auto tls = PageTls::make(pair.certificate, pair.key);
  ASSERT_TRUE(tls.ok()) << tls.error().message;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    X509* shown = shown_to(*tls, kTools, version);
    ASSERT_NE(shown, nullptr);
    EXPECT_TRUE(EVP_PKEY_is_a(X509_get0_pubkey(shown), "ED25519"));
    X509_free(shown);
  }
}

TEST(PageTls, ShowsBrowsersOneThatTheyCanRead) {
  const Pair pair = ed25519_pair();
  const auto tls = PageTls::make(pair.certificate, pair.key);
  ASSERT_TRUE(tls.ok());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    X509* shown = shown_to(*tls, kBrowsers, version);
    ASSERT_NE(shown, nullptr);
    EXPECT_TRUE(EVP_PKEY_is_a(X509_get0_pubkey(shown), "EC"));
    EXPECT_EQ(X509_verify(shown, X509_get0_pubkey(shown)), 1);
    EXPECT_EQ(X509_check_host(shown, "hub.example", 0, 0, nullptr), 1);
    EXPECT_EQ(X509_check_ip_asc(shown, "127.0.0.1", 0), 1);
    EXPECT_EQ(X509_check_host(shown, "other.example", 0, 0, nullptr), 0);
    X509_free(shown);
  }
}

TEST(PageTls, LeavesACertificateThatBrowsersTakeAlone) {
  const Pair pair = make_pair_of(EVP_EC_gen("P-256"), EVP_sha256());
  const auto tls = PageTls::make(pair.certificate, pair.key);
  ASSERT_TRUE(tls.ok());
  X509* shown = shown_to(*tls, kBrowsers, TLS1_3_VERSION);
  ASSERT_NE(shown, nullptr);
  BIO* text = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(text, shown);
  EXPECT_EQ(text_of(text), pair.certificate);
  BIO_free(text);
  X509_free(shown);
}

TEST(PageTls, RefusesAKeyOfAnotherCertificate) {
  const auto tls = PageTls::make(ed25519_pair().certificate, ed25519_pair().key);
  ASSERT_FALSE(tls.ok());
  EXPECT_EQ(tls.error().fault, Fault::kBadInput);
}

}  // namespace
}  // namespace causeway
