// SPDX-License-Identifier: Apache-2.0
//
// Who may speak to whom: one authority for a run's organisations, a certificate for the hub and one
// for each site, and a list of which of them are admitted. X.509 with Ed25519 keys, by OpenSSL.
// Ed25519 for more than speed: nobody can make a second valid signature of a certificate, as
// anybody can with ECDSA, and so give a revoked one another fingerprint.
//
// Functions are safe from many threads; those that write to one folder take turns, from several
// processes too.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace causeway {

/// What a certificate is for. It stands in the certificate itself (organisational unit and extended
/// key usage), so that a site's certificate cannot serve as a hub's.
enum class CertificateKind : uint8_t { kAuthority = 1, kHub = 2, kSite = 3 };
std::string_view certificate_kind_name(CertificateKind kind);  ///< authority, hub, site

struct CertificateInfo {
  CertificateKind kind = CertificateKind::kSite;
  std::string name;                ///< common name: of the site as the recipe has it
  std::vector<std::string> hosts;  ///< DNS names and IP addresses of a hub
  std::string fingerprint;         ///< SHA-256 of the DER form, lower-case hex: 64 digits
  std::string serial;              ///< hex
  int64_t not_before_unix_s = 0, not_after_unix_s = 0;
};

/// Reads the first certificate of a PEM text. Any bytes are safe: Fault::kBadInput. A certificate
/// that these functions could not have made is none either.
Result<CertificateInfo> read_certificate(std::string_view pem);
/// The same of a file. Fault::kIo.
Result<CertificateInfo> read_certificate_file(const std::string& path);

struct IssueOptions {
  CertificateKind kind = CertificateKind::kSite;
  std::string name;
  std::vector<std::string> hosts;  ///< wanted for a hub, at least one
  int64_t days = 365;              ///< 1 to 36500; a certificate ends with its authority's at last
  int64_t now_unix_s = 0;
};

/// Makes FOLDER/authority.crt and authority.key. Files are written whole or not at all, keys with
/// mode 0600. Fault::kBadInput if there is one already, or a name is none (1 to 64 of
/// [A-Za-z0-9._-], and does not begin with `.` or `-`); Fault::kIo.
Result<CertificateInfo> make_authority(const std::string& folder, const IssueOptions& options);

/// Makes FOLDER/NAME.crt and NAME.key, signed by the folder's authority, with authority.crt as the
/// second certificate of NAME.crt. Errors as make_authority.
Result<CertificateInfo> issue_certificate(const std::string& folder, const IssueOptions& options);

/// What a site asks the authority to sign, so that its private key never travels.
struct RequestInfo {
  std::string name;
  std::string key_fingerprint;  ///< SHA-256 of the public key: 64 digits, to compare by telephone
};

/// Reads the first request of a PEM text. Any bytes are safe: Fault::kBadInput.
Result<RequestInfo> read_request(std::string_view pem);
/// The same of a file. Fault::kIo.
Result<RequestInfo> read_request_file(const std::string& path);
/// Makes FOLDER/NAME.key and NAME.csr; needs no authority. Errors as make_authority.
Result<RequestInfo> make_request(const std::string& folder, const std::string& name);
/// Makes FOLDER/NAME.crt of a request. Only its name and key are taken from it, and its file must
/// be called after its name, so that who signs has named whom; kind and hosts are the authority's
/// to say. `options.name` is not read. Errors as make_authority.
Result<CertificateInfo> sign_request(const std::string& folder, const std::string& request_path,
                                     const IssueOptions& options);

/// As a time: whenever a certificate is or was valid.
inline constexpr int64_t kAtAnyTime = INT64_MIN;

/// The first certificate of a PEM text, if it is of this kind, signed by the authority and valid at
/// `now_unix_s`. Fault::kBadInput: it cannot be read; Fault::kRefused: it is none of these.
Result<CertificateInfo> check_certificate(std::string_view authority_pem, std::string_view pem,
                                          CertificateKind kind, int64_t now_unix_s);
/// The same of files. Fault::kIo.
Result<CertificateInfo> check_certificate_file(const std::string& authority_path,
                                               const std::string& path, CertificateKind kind,
                                               int64_t now_unix_s);

/// What one side of a connection shows and trusts: three PEM texts.
struct Identity {
  std::string authority_pem, certificate_pem, key_pem;
};

/// Reads CERTIFICATE, the .key beside it and authority.crt in the same folder. Fault::kBadInput or
/// kIo: a file is missing, a key can be read by others or does not belong to its certificate, the
/// certificate is not signed by the authority, is of another kind, or is over at `now_unix_s`.
Result<Identity> load_identity(const std::string& certificate_path, CertificateKind kind,
                               int64_t now_unix_s);

/// Which certificates of the authority are admitted: FOLDER/admitted.txt and FOLDER/revoked.txt, a
/// fingerprint a line, then a name; `#` starts a comment. Without admitted.txt all that the
/// authority signed are admitted but those revoked.
struct AccessList {
  bool only_admitted = false;
  std::set<std::string> admitted, revoked;  ///< fingerprints

  /// Empty if it is; else why it is not, in words for its owner.
  std::string why_refused(const std::string& fingerprint) const;
};

/// Lower-case hex of 64 digits from what people have: upper case and colons are passed over.
/// Fault::kBadInput.
Result<std::string> read_fingerprint(std::string_view text);

/// Missing files are empty lists. Fault::kBadInput names the line that is no fingerprint.
Result<AccessList> read_access_list(const std::string& folder);
/// Adds a line, durably, and takes it out of the other list; twice is once. `name` is as that of a
/// certificate, or empty.
Result<void> admit_certificate(const std::string& folder, const std::string& fingerprint,
                               const std::string& name);
Result<void> revoke_certificate(const std::string& folder, const std::string& fingerprint,
                                const std::string& name);

}  // namespace causeway
