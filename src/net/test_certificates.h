// SPDX-License-Identifier: Apache-2.0
//
// For tests of certificates: a folder of them, and certificates that ours would not make.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/hash.h"
#include "net/certificates_x509.h"

namespace causeway {

inline constexpr int64_t kTestNow = 1'800'000'000;  // January 2027
inline constexpr int64_t kTestDay = 86'400;

/// A fresh, empty folder of the running test's own, and of this binary's.
inline std::string fresh_folder(const std::string& name) {
  std::error_code ignored;
  const std::string binary = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const auto path = std::filesystem::path(testing::TempDir()) /
                    ("causeway_test_" + digest_of(binary).hex()) / test->test_suite_name() /
                    test->name() / name;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path.string();
}

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_text(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
}

/// What went wrong; "none" if nothing did.
template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "none" : result.error().message;
}

/// Names of a folder's files.
inline std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    out.push_back(entry.path().filename().string());
  return out;
}

inline IssueOptions site_options(const std::string& name) {
  return {CertificateKind::kSite, name, {}, 365, kTestNow};
}
inline IssueOptions hub_options(const std::string& name) {
  return {CertificateKind::kHub, name, {"hub.example.org", "192.0.2.7"}, 365, kTestNow};
}

/// A folder with an authority, the hub `hub` and the site `site`.
inline std::string folder_of_certificates(const std::string& name) {
  const std::string folder = fresh_folder(name);
  EXPECT_TRUE(
      make_authority(folder, {CertificateKind::kAuthority, "authority", {}, 3650, kTestNow}));
  EXPECT_TRUE(issue_certificate(folder, hub_options("hub")));
  EXPECT_TRUE(issue_certificate(folder, site_options("site")));
  return folder;
}

/// What a certificate says that somebody with the authority's key makes by other means.
struct Forgery {
  std::vector<std::pair<int, std::string>> subject = {{NID_organizationalUnitName, "site"},
                                                      {NID_commonName, "site"}};
  std::vector<std::pair<int, std::string>> extensions = {
      {NID_basic_constraints, "critical,CA:FALSE"},
      {NID_key_usage, "critical,digitalSignature"},
      {NID_ext_key_usage, "clientAuth"},
      {NID_subject_key_identifier, "hash"},
      {NID_authority_key_identifier, "keyid"}};
  int64_t not_before_unix_s = kTestNow - 3600, not_after_unix_s = kTestNow + kTestDay;
  long version = X509_VERSION_3;
  std::string key_type = "ED25519";
};

inline Key forged_key(const std::string& type) {
  return Key(type == "EC" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")
                          : EVP_PKEY_Q_keygen(nullptr, nullptr, type.c_str()));
}

/// Signs it with NAME.key of the folder; its issuer is NAME.crt's subject.
inline std::string forge(const std::string& folder, const Forgery& forgery,
                         const std::string& name = "authority", EVP_PKEY* own_key = nullptr) {
  const Certificate issuer = certificate_of(read_text(folder + "/" + name + ".crt"));
  const Key signing = key_of(read_text(folder + "/" + name + ".key"));
  const Key key = forged_key(forgery.key_type);
  const Certificate made(X509_new());
  X509_set_version(made.get(), forgery.version);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 77);
  for (const auto& [sort, text] : forgery.subject)
    X509_NAME_add_entry_by_NID(X509_get_subject_name(made.get()), sort, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()), -1, 0);
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get()));
  ASN1_TIME_set(X509_getm_notBefore(made.get()), forgery.not_before_unix_s);
  ASN1_TIME_set(X509_getm_notAfter(made.get()), forgery.not_after_unix_s);
  X509_set_pubkey(made.get(), own_key == nullptr ? key.get() : own_key);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer.get(), made.get(), nullptr, nullptr, 0);
  for (const auto& [sort, value] : forgery.extensions) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, sort, value.c_str());
    EXPECT_NE(extension, nullptr) << value;
    X509_add_ext(made.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  EXPECT_GT(X509_sign(made.get(), signing.get(), nullptr), 0);
  return pem_of(*made);
}

/// A certificate's or request's DER form, and PEM of any bytes that may be one.
inline std::string der_of(std::string_view pem) {
  unsigned char* der = nullptr;
  const Certificate certificate = certificate_of(pem);
  const int size =
      certificate ? i2d_X509(certificate.get(), &der) : i2d_X509_REQ(request_of(pem).get(), &der);
  std::string out(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}
inline std::string pem_of_der(std::string_view der, std::string_view label = "CERTIFICATE") {
  std::string text(4 * ((der.size() + 2) / 3) + 1, '\0');
  text.resize(static_cast<size_t>(EVP_EncodeBlock(
      reinterpret_cast<unsigned char*>(text.data()),
      reinterpret_cast<const unsigned char*>(der.data()), static_cast<int>(der.size()))));
  std::string out = fmt::format("-----BEGIN {}-----\n", label);
  for (size_t at = 0; at < text.size(); at += 64) out += text.substr(at, 64) + "\n";
  return out + fmt::format("-----END {}-----\n", label);
}

}  // namespace causeway
