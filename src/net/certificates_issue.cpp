// SPDX-License-Identifier: Apache-2.0
//
// Makes certificates and requests. A certificate says no more than TLS and we need: who, what for,
// until when, and, of a hub, under which names.
#include <openssl/rand.h>

#include <algorithm>
#include <filesystem>

#include "core/durable.h"
#include "net/certificates_files.h"
#include "net/certificates_x509.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDayS = 86'400;
constexpr int64_t kSkewS = 3'600;  // Clocks of other machines may be behind by so much.
constexpr int64_t kDaysMax = 36'500;
constexpr int kSerialBits = 128;
constexpr std::string_view kAuthorityName = "authority";

std::string beside(const std::string& folder, std::string_view name, std::string_view ending) {
  return (fs::path(folder) / fmt::format("{}{}", name, ending)).string();
}

Key new_key() {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  CW_CHECK(key, "{}", openssl_reason());
  return key;
}

/// Who signs: for an authority that is made, itself.
struct Signer {
  X509* certificate;
  EVP_PKEY* key;
};

struct Subject {
  CertificateKind kind;
  std::string name;
  std::vector<Host> hosts;
  int64_t not_before_unix_s, not_after_unix_s;
};

void set_name(X509_NAME* name, std::string_view unit, const std::string& common) {
  const auto add = [&](int sort, std::string_view text) {
    CW_CHECK(X509_NAME_add_entry_by_NID(name, sort, MBSTRING_UTF8,
                                        reinterpret_cast<const unsigned char*>(text.data()),
                                        static_cast<int>(text.size()), -1, 0) == 1,
             "{}", openssl_reason());
  };
  add(NID_organizationName, "Causeway");
  if (!unit.empty()) add(NID_organizationalUnitName, unit);
  add(NID_commonName, common);
}

void add_extension(X509& certificate, X509& issuer, int sort, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, sort, value));
  CW_CHECK(extension && X509_add_ext(&certificate, extension.get(), -1) == 1, "{}",
           openssl_reason());
}

void add_hosts(X509& certificate, const std::vector<Host>& hosts) {
  const Names names(sk_GENERAL_NAME_new_null());
  for (const Host& host : hosts) {
    const bool dns = host.octets.empty();
    const std::string& bytes = dns ? host.text : host.octets;
    GENERAL_NAME* name = GENERAL_NAME_new();
    ASN1_STRING* value = ASN1_STRING_type_new(dns ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
    CW_CHECK(name != nullptr && value != nullptr &&
                 ASN1_STRING_set(value, bytes.data(), static_cast<int>(bytes.size())) == 1,
             "no memory");
    GENERAL_NAME_set0_value(name, dns ? GEN_DNS : GEN_IPADD, value);
    CW_CHECK(sk_GENERAL_NAME_push(names.get(), name) > 0, "no memory");
  }
  CW_CHECK(X509_add1_ext_i2d(&certificate, NID_subject_alt_name, names.get(), 0, 0) == 1, "{}",
           openssl_reason());
}

void add_extensions(X509& certificate, X509& issuer, const Subject& subject) {
  const auto add = [&](int sort, const char* value) {
    add_extension(certificate, issuer, sort, value);
  };
  if (subject.kind == CertificateKind::kAuthority) {
    add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add(NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    add(NID_basic_constraints, "critical,CA:FALSE");
    add(NID_key_usage, "critical,digitalSignature");
    add(NID_ext_key_usage, subject.kind == CertificateKind::kHub ? "serverAuth" : "clientAuth");
  }
  add(NID_subject_key_identifier, "hash");
  if (subject.kind != CertificateKind::kAuthority)
    add(NID_authority_key_identifier, "keyid:always");
  if (!subject.hosts.empty()) add_hosts(certificate, subject.hosts);
}

void set_serial(X509& certificate) {
  const std::unique_ptr<BIGNUM, FreedBy<BN_free>> number(BN_new());
  CW_CHECK(number && BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1,
           "{}", openssl_reason());
  CW_CHECK(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)) != nullptr, "{}",
           openssl_reason());
}

/// A certificate of `key`, signed. `signer` is null if it signs itself.
Certificate new_certificate(const Subject& subject, EVP_PKEY& key, const Signer* signer) {
  Certificate made(X509_new());
  CW_CHECK(made, "no memory");
  X509& issuer = signer == nullptr ? *made : *signer->certificate;
  set_serial(*made);
  set_name(X509_get_subject_name(made.get()), certificate_kind_name(subject.kind), subject.name);
  const bool set =
      X509_set_version(made.get(), X509_VERSION_3) == 1 &&
      X509_set_issuer_name(made.get(), X509_get_subject_name(&issuer)) == 1 &&
      ASN1_TIME_set(X509_getm_notBefore(made.get()), subject.not_before_unix_s) != nullptr &&
      ASN1_TIME_set(X509_getm_notAfter(made.get()), subject.not_after_unix_s) != nullptr &&
      X509_set_pubkey(made.get(), &key) == 1;
  CW_CHECK(set, "{}", openssl_reason());
  add_extensions(*made, issuer, subject);
  // Ed25519 hashes by itself: no digest is named.
  CW_CHECK(X509_sign(made.get(), signer == nullptr ? &key : signer->key, nullptr) > 0, "{}",
           openssl_reason());
  return made;
}

Request new_request(const std::string& name, EVP_PKEY& key) {
  Request made(X509_REQ_new());
  CW_CHECK(made, "no memory");
  set_name(X509_REQ_get_subject_name(made.get()), "", name);
  const bool set = X509_REQ_set_version(made.get(), X509_REQ_VERSION_1) == 1 &&
                   X509_REQ_set_pubkey(made.get(), &key) == 1 &&
                   X509_REQ_sign(made.get(), &key, nullptr) > 0;
  CW_CHECK(set, "{}", openssl_reason());
  return made;
}

/// What is wanted, if it can be made.
Result<Subject> subject_of(const IssueOptions& options) {
  Subject subject{options.kind, options.name, {}, 0, 0};
  CW_TRY(check_name(options.name));
  if (options.days < 1 || options.days > kDaysMax)
    return failure(Fault::kBadInput, "{} days: wanted 1 to {}", options.days, kDaysMax);
  subject.not_before_unix_s = options.now_unix_s - kSkewS;
  subject.not_after_unix_s = options.now_unix_s + options.days * kDayS;
  for (const std::string& text : options.hosts) {
    CW_ASSIGN(const Host host, read_host(text));
    const auto same = [&](const Host& other) { return other.text == host.text; };
    if (std::ranges::none_of(subject.hosts, same)) subject.hosts.push_back(host);
  }
  const bool hub = options.kind == CertificateKind::kHub;
  if (std::ssize(subject.hosts) > kHostsMax)
    return failure(Fault::kBadInput, "{} hosts: wanted at most {}", subject.hosts.size(),
                   kHostsMax);
  if (hub && subject.hosts.empty())
    return failure(Fault::kBadInput,
                   "hub {}: wanted the names or addresses that sites reach it by, at least one",
                   options.name);
  if (!hub && !subject.hosts.empty())
    return failure(Fault::kBadInput, "{} {}: only a hub has hosts",
                   certificate_kind_name(options.kind), options.name);
  return subject;
}

/// The folder's authority, able to sign now.
struct Authority {
  std::string pem;
  Certificate certificate;
  Key key;
  int64_t not_after_unix_s = 0;
};

Result<Authority> load_authority(const std::string& folder, int64_t now_unix_s) {
  Authority authority;
  const std::string path = beside(folder, kAuthorityName, ".crt");
  const std::string key_path = beside(folder, kAuthorityName, ".key");
  std::error_code error;
  if (!fs::exists(path, error))
    return failure(Fault::kIo,
                   "{}: there is none. `causeway cert authority` makes one, on the machine of who "
                   "answers for the run",
                   path);
  if (!fs::exists(key_path, error))
    return failure(Fault::kIo,
                   "{}: is not here, so nothing can be signed here. `causeway cert request NAME` "
                   "makes a request to send to who has the authority's key",
                   key_path);
  CW_ASSIGN(authority.pem, read_small_file(path, kPemBytesMax));
  const auto info =
      check_certificate(authority.pem, authority.pem, CertificateKind::kAuthority, now_unix_s);
  if (!info) return failure(Fault::kBadInput, "{}: {}", path, info.error().message);
  CW_ASSIGN(const std::string key_pem, read_key_file(key_path));
  authority.certificate = certificate_of(authority.pem);
  authority.key = key_of(key_pem);
  authority.not_after_unix_s = info->not_after_unix_s;
  if (authority.key &&
      X509_check_private_key(authority.certificate.get(), authority.key.get()) == 1)
    return authority;
  return failure(Fault::kBadInput, "{}: is not the key of {}", key_path, path);
}

Result<CertificateInfo> sign_and_write(const std::string& folder, Subject subject, EVP_PKEY& key,
                                       const Authority& authority) {
  subject.not_after_unix_s = std::min(subject.not_after_unix_s, authority.not_after_unix_s);
  const Signer signer{authority.certificate.get(), authority.key.get()};
  const Certificate made = new_certificate(subject, key, &signer);
  CW_TRY(write_file_atomically(beside(folder, subject.name, ".crt"),
                               pem_of(*made) + pem_of(*authority.certificate)));
  return describe_certificate(*made);
}

constexpr std::string_view kKeepOld =
    "it is not replaced. To renew it, move it and its key to another folder first, and keep the "
    "certificate to revoke it";
constexpr std::string_view kKeyAlone =
    "it may be the key of a request: `causeway cert sign` makes its certificate. Else remove it";

}  // namespace

Result<CertificateInfo> make_authority(const std::string& folder, const IssueOptions& options) {
  IssueOptions wanted = options;
  wanted.kind = CertificateKind::kAuthority;
  CW_ASSIGN(const Subject subject, subject_of(wanted));
  CW_TRY(make_private_folder(folder));
  CW_ASSIGN(const auto lock, FolderLock::take(folder));
  const std::string path = beside(folder, kAuthorityName, ".crt");
  const std::string key_path = beside(folder, kAuthorityName, ".key");
  CW_TRY(want_absent(path, "one authority is enough; another one needs another folder"));
  CW_TRY(want_absent(key_path, "without authority.crt it is of no use; move it away"));
  const Key key = new_key();
  const Certificate made = new_certificate(subject, *key, nullptr);
  CW_TRY(write_key_file(key_path, pem_of(*key)));
  CW_TRY(write_file_atomically(path, pem_of(*made)));
  return describe_certificate(*made);
}

Result<CertificateInfo> issue_certificate(const std::string& folder, const IssueOptions& options) {
  CW_CHECK(options.kind != CertificateKind::kAuthority, "make_authority makes these");
  CW_ASSIGN(Subject subject, subject_of(options));
  CW_ASSIGN(const Authority authority, load_authority(folder, options.now_unix_s));
  CW_ASSIGN(const auto lock, FolderLock::take(folder));
  const std::string key_path = beside(folder, options.name, ".key");
  CW_TRY(want_absent(beside(folder, options.name, ".crt"), kKeepOld));
  CW_TRY(want_absent(key_path, kKeyAlone));
  const Key key = new_key();
  CW_TRY(write_key_file(key_path, pem_of(*key)));
  return sign_and_write(folder, std::move(subject), *key, authority);
}

Result<RequestInfo> make_request(const std::string& folder, const std::string& name) {
  CW_TRY(check_name(name));
  CW_TRY(make_private_folder(folder));
  CW_ASSIGN(const auto lock, FolderLock::take(folder));
  const std::string path = beside(folder, name, ".csr"), key_path = beside(folder, name, ".key");
  CW_TRY(want_absent(beside(folder, name, ".crt"), kKeepOld));
  CW_TRY(want_absent(key_path, "send the request made with it, or remove both"));
  CW_TRY(want_absent(path, "without its key it is of no use; remove it"));
  const Key key = new_key();
  const Request made = new_request(name, *key);
  CW_TRY(write_key_file(key_path, pem_of(*key)));
  CW_TRY(write_file_atomically(path, pem_of(*made)));
  return describe_request(*made);
}

Result<CertificateInfo> sign_request(const std::string& folder, const std::string& request_path,
                                     const IssueOptions& options) {
  CW_CHECK(options.kind != CertificateKind::kAuthority, "make_authority makes these");
  CW_ASSIGN(const std::string pem, read_small_file(request_path, kPemBytesMax));
  const auto info = read_request(pem);
  if (!info) return failure(Fault::kBadInput, "{}: {}", request_path, info.error().message);
  if (fs::path(request_path).filename() != info->name + ".csr")
    return failure(Fault::kBadInput,
                   "{}: is a request for the name `{}`. If its sender shall have that name, call "
                   "the file {}.csr; if in doubt, ask by telephone",
                   request_path, info->name, info->name);
  IssueOptions wanted = options;
  wanted.name = info->name;
  CW_ASSIGN(Subject subject, subject_of(wanted));
  CW_ASSIGN(const Authority authority, load_authority(folder, options.now_unix_s));
  CW_ASSIGN(const auto lock, FolderLock::take(folder));
  CW_TRY(want_absent(beside(folder, info->name, ".crt"), kKeepOld));
  const Request request = request_of(pem);
  return sign_and_write(folder, std::move(subject), *X509_REQ_get0_pubkey(request.get()),
                        authority);
}

}  // namespace causeway
