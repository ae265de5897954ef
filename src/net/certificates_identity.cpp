// SPDX-License-Identifier: Apache-2.0
//
// What one shows to the other side, and whether the other side will take it.
#include <openssl/err.h>

#include <filesystem>

#include "net/certificates_files.h"
#include "net/certificates_x509.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

using Store = std::unique_ptr<X509_STORE, FreedBy<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, FreedBy<X509_STORE_CTX_free>>;

constexpr int kAuthorityDepth = 1;

Error refusal(int code, int depth, CertificateKind kind) {
  const std::string_view whose =
      depth >= kAuthorityDepth ? "its authority's certificate" : "the certificate";
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return failure(Fault::kRefused, "{} is over; it needs a new one", whose);
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return failure(Fault::kRefused, "{} is not yet valid; is this machine's clock right?", whose);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return failure(Fault::kRefused, "the certificate is not signed by this authority");
    default:
      return failure(Fault::kRefused, "the certificate cannot serve as one of {}: {}",
                     certificate_kind_name(kind), X509_verify_cert_error_string(code));
  }
}

/// The purpose by which TLS will judge it.
int purpose_of(CertificateKind kind) {
  if (kind == CertificateKind::kHub) return X509_PURPOSE_SSL_SERVER;
  return kind == CertificateKind::kSite ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_ANY;
}

}  // namespace

Result<void> verify_certificate(X509& authority, X509& certificate, CertificateKind kind,
                                int64_t now_unix_s) {
  const Store store(X509_STORE_new());
  const StoreContext context(X509_STORE_CTX_new());
  CW_CHECK(store && context && X509_STORE_add_cert(store.get(), &authority) == 1 &&
               X509_STORE_CTX_init(context.get(), store.get(), &certificate, nullptr) == 1,
           "{}", openssl_reason());
  X509_VERIFY_PARAM* wanted = X509_STORE_CTX_get0_param(context.get());
  const bool any_time = now_unix_s == kAtAnyTime;
  X509_VERIFY_PARAM_set_flags(wanted, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE |
                                          (any_time ? X509_V_FLAG_NO_CHECK_TIME : 0));
  if (!any_time) X509_VERIFY_PARAM_set_time(wanted, now_unix_s);
  CW_CHECK(X509_VERIFY_PARAM_set_purpose(wanted, purpose_of(kind)) == 1, "{}", openssl_reason());
  const bool good = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (good) return {};
  return refusal(X509_STORE_CTX_get_error(context.get()),
                 X509_STORE_CTX_get_error_depth(context.get()), kind);
}

Result<CertificateInfo> check_certificate(std::string_view authority_pem, std::string_view pem,
                                          CertificateKind kind, int64_t now_unix_s) {
  const Certificate authority = certificate_of(authority_pem), certificate = certificate_of(pem);
  if (!authority || !certificate)
    return failure(Fault::kBadInput, "there is no certificate{} in it (PEM)",
                   authority ? "" : " of an authority");
  CW_ASSIGN(const CertificateInfo signer, describe_certificate(*authority));
  if (signer.kind != CertificateKind::kAuthority)
    return failure(Fault::kBadInput, "the authority's certificate is one of {}",
                   certificate_kind_name(signer.kind));
  CW_ASSIGN(CertificateInfo info, describe_certificate(*certificate));
  if (info.kind != kind)
    return failure(Fault::kRefused, "the certificate of {} is one of {}; wanted: of {}", info.name,
                   certificate_kind_name(info.kind), certificate_kind_name(kind));
  CW_TRY(verify_certificate(*authority, *certificate, kind, now_unix_s));
  return info;
}

Result<CertificateInfo> check_certificate_file(const std::string& authority_path,
                                               const std::string& path, CertificateKind kind,
                                               int64_t now_unix_s) {
  CW_ASSIGN(const std::string authority_pem, read_small_file(authority_path, kPemBytesMax));
  CW_ASSIGN(const std::string pem, read_small_file(path, kPemBytesMax));
  auto info = check_certificate(authority_pem, pem, kind, now_unix_s);
  if (!info)
    return failure(info.error().fault, "{} (with {}): {}", path, authority_path,
                   info.error().message);
  return info;
}

Result<Identity> load_identity(const std::string& certificate_path, CertificateKind kind,
                               int64_t now_unix_s) {
  CW_CHECK(kind != CertificateKind::kAuthority, "an authority speaks to nobody");
  const fs::path path(certificate_path);
  if (path.extension() != ".crt")
    return failure(Fault::kBadInput,
                   "{}: wanted the path of a certificate, NAME.crt, with NAME.key and "
                   "authority.crt beside it",
                   certificate_path);
  const std::string key_path = fs::path(path).replace_extension(".key").string();
  const std::string authority_path = (path.parent_path() / "authority.crt").string();
  Identity identity;
  CW_ASSIGN(identity.certificate_pem, read_small_file(certificate_path, kPemBytesMax));
  CW_ASSIGN(identity.authority_pem, read_small_file(authority_path, kPemBytesMax));
  const auto info =
      check_certificate(identity.authority_pem, identity.certificate_pem, kind, now_unix_s);
  if (!info)
    return failure(Fault::kBadInput, "{} (with {}): {}", certificate_path, authority_path,
                   info.error().message);
  CW_ASSIGN(identity.key_pem, read_key_file(key_path));
  const Key key = key_of(identity.key_pem);
  if (!key)
    return failure(Fault::kBadInput, "{}: there is no private key in it that can be read",
                   key_path);
  if (X509_check_private_key(certificate_of(identity.certificate_pem).get(), key.get()) == 1)
    return identity;
  ERR_clear_error();
  return failure(Fault::kBadInput, "{}: is the key of another certificate than {}", key_path,
                 certificate_path);
}

}  // namespace causeway
