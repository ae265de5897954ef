// SPDX-License-Identifier: Apache-2.0
//
// What a stranger's bytes say, if they are a certificate or a request that ours could have made.
#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <ctime>
#include <iterator>
#include <span>

#include "net/certificates_files.h"
#include "net/certificates_x509.h"

namespace causeway {
namespace {

constexpr int kSerialBytesMax = 20;  // RFC 5280, 4.1.2.2

// Without one OpenSSL asks the terminal.
int no_password(char*, int, int, void*) { return -1; }

Bio bio_over(std::string_view text) {
  Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  CW_CHECK(bio, "no memory");
  return bio;
}

template <class Object, class Read>
Object read_pem(std::string_view pem, Read read) {
  if (std::ssize(pem) > kPemBytesMax) return nullptr;
  Object object(read(bio_over(pem).get(), nullptr, no_password, nullptr));
  if (!object) ERR_clear_error();
  return object;
}

template <class Write>
std::string written_pem(Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  CW_CHECK(bio && write(bio.get()) == 1, "{}", openssl_reason());
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

std::string hex(std::span<const unsigned char> bytes) {
  std::string out;
  for (const unsigned char byte : bytes) fmt::format_to(std::back_inserter(out), "{:02x}", byte);
  return out;
}

/// SHA-256 of what `encode` writes: an object's DER form. OpenSSL writes it anew, so that other
/// lengths around the same signed bytes give no other fingerprint.
template <class Encode>
std::string fingerprint_of(Encode encode) {
  unsigned char* der = nullptr;
  const int size = encode(&der);
  CW_CHECK(size > 0, "{}", openssl_reason());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned digest_size = 0;
  const int done = EVP_Digest(der, static_cast<size_t>(size), digest.data(), &digest_size,
                              EVP_sha256(), nullptr);
  OPENSSL_free(der);
  CW_CHECK(done == 1, "{}", openssl_reason());
  return hex(std::span(digest).first(digest_size));
}

/// The one entry of this sort in a name, or "".
std::string entry_of(const X509_NAME* name, int sort) {
  const int first = X509_NAME_get_index_by_NID(name, sort, -1);
  if (first < 0 || X509_NAME_get_index_by_NID(name, sort, first) >= 0) return {};
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, first)));
  if (size < 0) return {};
  std::string out(reinterpret_cast<const char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return out;
}

Result<int64_t> unix_s_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1)
    return failure(Fault::kBadInput, "the certificate's validity is no time");
  return static_cast<int64_t>(timegm(&parts));
}

Result<std::string> serial_of(const X509& certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(&certificate);
  const int size = ASN1_STRING_length(serial);
  if (size < 1 || size > kSerialBytesMax || ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
    return failure(Fault::kBadInput, "the certificate's serial number has {} bytes", size);
  return hex(std::span(ASN1_STRING_get0_data(serial), static_cast<size_t>(size)));
}

/// The text that `read_host` would give back, so that nothing else gets past here.
Result<std::string> host_of(const GENERAL_NAME& name) {
  int type = 0;
  const auto* value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(&name, &type));
  if (type != GEN_DNS && type != GEN_IPADD)
    return failure(Fault::kBadInput, "the certificate has a name that is no host");
  const std::string bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                          static_cast<size_t>(ASN1_STRING_length(value)));
  CW_ASSIGN(const Host host, read_host(type == GEN_DNS ? bytes : address_text(bytes)));
  if (host.octets != (type == GEN_DNS ? "" : bytes))
    return failure(Fault::kBadInput, "the certificate has an address as a DNS name");
  return host.text;
}

Result<std::vector<std::string>> hosts_of(X509& certificate) {
  std::vector<std::string> out;
  int found = 0;
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, &found, nullptr)));
  if (!names) {
    ERR_clear_error();
    if (found == -1) return out;  // There is none.
    return failure(Fault::kBadInput, "the certificate's hosts cannot be read");
  }
  if (sk_GENERAL_NAME_num(names.get()) > kHostsMax)
    return failure(Fault::kBadInput, "the certificate has more than {} hosts", kHostsMax);
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    CW_ASSIGN(std::string host, host_of(*sk_GENERAL_NAME_value(names.get(), i)));
    out.push_back(std::move(host));
  }
  return out;
}

/// The kind that the subject claims, if all that decides what TLS takes it for says the same.
Result<CertificateKind> kind_of(X509& certificate) {
  const std::string unit =
      entry_of(X509_get_subject_name(&certificate), NID_organizationalUnitName);
  const uint32_t flags = X509_get_extension_flags(&certificate);
  const uint32_t usage = X509_get_key_usage(&certificate);
  const uint32_t purpose = X509_get_extended_key_usage(&certificate);
  constexpr uint32_t kWanted = EXFLAG_BCONS | EXFLAG_KUSAGE;
  constexpr uint32_t kRefused = EXFLAG_INVALID | EXFLAG_CRITICAL;
  if (X509_get_version(&certificate) == X509_VERSION_3 && (flags & kWanted) == kWanted &&
      (flags & kRefused) == 0) {
    const bool signs = (flags & EXFLAG_CA) != 0;
    if (unit == "authority" && signs && (flags & EXFLAG_XKUSAGE) == 0 &&
        usage == (KU_KEY_CERT_SIGN | KU_CRL_SIGN))
      return CertificateKind::kAuthority;
    const bool speaks = !signs && usage == KU_DIGITAL_SIGNATURE;
    if (unit == "hub" && speaks && purpose == XKU_SSL_SERVER) return CertificateKind::kHub;
    if (unit == "site" && speaks && purpose == XKU_SSL_CLIENT) return CertificateKind::kSite;
  }
  return failure(Fault::kBadInput,
                 "the certificate is of no authority, hub or site: `causeway cert` made none like "
                 "it");
}

Result<void> check_key(EVP_PKEY* key, std::string_view whose) {
  if (key != nullptr && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519) return {};
  ERR_clear_error();
  return failure(Fault::kBadInput, "the key of the {} is not Ed25519", whose);
}

template <class Info, class Read>
Result<Info> read_file_with(const std::string& path, Read read) {
  CW_ASSIGN(const std::string pem, read_small_file(path, kPemBytesMax));
  auto info = read(pem);
  if (!info) return failure(info.error().fault, "{}: {}", path, info.error().message);
  return info;
}

}  // namespace

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "OpenSSL gives no reason" : reason;
}

Certificate certificate_of(std::string_view pem) {
  return read_pem<Certificate>(pem, PEM_read_bio_X509);
}
Request request_of(std::string_view pem) { return read_pem<Request>(pem, PEM_read_bio_X509_REQ); }
Key key_of(std::string_view pem) { return read_pem<Key>(pem, PEM_read_bio_PrivateKey); }

std::string pem_of(X509& certificate) {
  return written_pem([&](BIO* bio) { return PEM_write_bio_X509(bio, &certificate); });
}
std::string pem_of(X509_REQ& request) {
  return written_pem([&](BIO* bio) { return PEM_write_bio_X509_REQ(bio, &request); });
}
std::string pem_of(EVP_PKEY& key) {
  return written_pem([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, &key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

Result<CertificateInfo> describe_certificate(X509& certificate) {
  CertificateInfo info;
  CW_TRY(check_key(X509_get0_pubkey(&certificate), "certificate"));
  if (X509_get_signature_nid(&certificate) != NID_ED25519)
    return failure(Fault::kBadInput, "the certificate's signature is not Ed25519");
  CW_ASSIGN(info.kind, kind_of(certificate));
  info.name = entry_of(X509_get_subject_name(&certificate), NID_commonName);
  CW_TRY(check_name(info.name));
  CW_ASSIGN(info.hosts, hosts_of(certificate));
  if (info.hosts.empty() == (info.kind == CertificateKind::kHub))
    return failure(Fault::kBadInput, "a certificate of a hub has hosts, and no other has: {} of {}",
                   info.name, certificate_kind_name(info.kind));
  CW_ASSIGN(info.serial, serial_of(certificate));
  CW_ASSIGN(info.not_before_unix_s, unix_s_of(X509_get0_notBefore(&certificate)));
  CW_ASSIGN(info.not_after_unix_s, unix_s_of(X509_get0_notAfter(&certificate)));
  info.fingerprint =
      fingerprint_of([&](unsigned char** der) { return i2d_X509(&certificate, der); });
  return info;
}

Result<RequestInfo> describe_request(X509_REQ& request) {
  EVP_PKEY* key = X509_REQ_get0_pubkey(&request);
  CW_TRY(check_key(key, "request"));
  if (X509_REQ_verify(&request, key) != 1) {
    ERR_clear_error();
    return failure(Fault::kBadInput,
                   "the request is damaged, or was signed by another key than it shows");
  }
  RequestInfo info;
  info.name = entry_of(X509_REQ_get_subject_name(&request), NID_commonName);
  CW_TRY(check_name(info.name));
  info.key_fingerprint = fingerprint_of([&](unsigned char** der) {
    return i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(&request), der);
  });
  return info;
}

Result<CertificateInfo> read_certificate(std::string_view pem) {
  const Certificate certificate = certificate_of(pem);
  if (!certificate)
    return failure(Fault::kBadInput,
                   "there is no certificate in it (PEM, `-----BEGIN CERTIFICATE-----`)");
  return describe_certificate(*certificate);
}

Result<RequestInfo> read_request(std::string_view pem) {
  const Request request = request_of(pem);
  if (!request)
    return failure(Fault::kBadInput,
                   "there is no request in it (PEM, `-----BEGIN CERTIFICATE REQUEST-----`)");
  return describe_request(*request);
}

Result<CertificateInfo> read_certificate_file(const std::string& path) {
  return read_file_with<CertificateInfo>(path, read_certificate);
}
Result<RequestInfo> read_request_file(const std::string& path) {
  return read_file_with<RequestInfo>(path, read_request);
}

}  // namespace causeway
