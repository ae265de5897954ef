// SPDX-License-Identifier: Apache-2.0
//
// Goal: any bytes are safe, and nobody is taken for what the authority has not signed. Methods:
// every byte of a certificate changed; certificates that only another program would make; each
// file that can be wrong, wrong.
#include <gmock/gmock.h>
#include <openssl/ui.h>
#include <sys/stat.h>

#include "net/test_certificates.h"

namespace causeway {
namespace {

using testing::HasSubstr;

Result<CertificateInfo> checked(const std::string& folder, std::string_view pem,
                                CertificateKind kind = CertificateKind::kSite,
                                int64_t now_unix_s = kTestNow) {
  return check_certificate(read_text(folder + "/authority.crt"), pem, kind, now_unix_s);
}

TEST(ReadCertificate, IsSafeForAnyText) {
  const std::string folder = folder_of_certificates("a");
  const std::string pem = read_text(folder + "/site.crt");
  const size_t end = pem.find("-----END");
  for (size_t size = 0; size < end; ++size)
    EXPECT_FALSE(read_certificate(std::string_view(pem).substr(0, size))) << size;
  for (const std::string& text :
       {read_text(folder + "/site.key"), std::string("\0\0\0", 3), pem_of_der(""),
        pem_of_der("abc"), std::string("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
        std::string(1 << 20, 'A'), pem + std::string(1 << 17, ' ')}) {
    const auto read = read_certificate(text);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().fault, Fault::kBadInput);
  }
}

bool asked = false;

TEST(ReadCertificate, AsksNobodyForAPassword) {
  const std::string folder = folder_of_certificates("a");
  std::string pem = read_text(folder + "/site.crt");
  pem.insert(pem.find('\n') + 1,
             "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n");
  // What OpenSSL would ask the terminal with, and wait.
  UI_METHOD* terminal = UI_create_method("terminal");
  UI_method_set_opener(terminal, [](UI*) {
    asked = true;
    return 0;
  });
  UI_set_default_method(terminal);
  EXPECT_FALSE(read_certificate(pem));
  EXPECT_FALSE(asked);
  UI_set_default_method(UI_OpenSSL());
  UI_destroy_method(terminal);
}

TEST(ReadCertificate, TakesTheFirstOfSeveral) {
  const std::string folder = folder_of_certificates("a");
  const std::string hub = read_text(folder + "/hub.crt"), site = read_text(folder + "/site.crt");
  EXPECT_EQ(read_certificate(read_text(folder + "/site.key") + "words\n" + hub + site)->name,
            "hub");
  EXPECT_EQ(read_certificate(site + hub)->name, "site");
}

TEST(CheckCertificate, RefusesEveryChange) {
  const std::string folder = folder_of_certificates("a");
  const std::string der = der_of(read_text(folder + "/site.crt"));
  ASSERT_TRUE(checked(folder, pem_of_der(der)));
  for (size_t at = 0; at < der.size(); ++at)
    for (const char flip : {'\x01', '\x20', '\x80'}) {
      std::string changed = der;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      EXPECT_FALSE(checked(folder, pem_of_der(changed))) << at;
    }
}

// A revoked certificate must not come back under another fingerprint.
TEST(CheckCertificate, KnowsACertificateByOneFingerprintOnly) {
  const std::string folder = folder_of_certificates("a");
  const std::string der = der_of(read_text(folder + "/site.crt"));
  const std::string fingerprint = checked(folder, pem_of_der(der))->fingerprint;
  // The same, with its length in one byte more than it needs.
  ASSERT_EQ(der.substr(0, 2), "\x30\x82");
  std::string longer = der;
  longer.replace(0, 2, std::string("\x30\x83\x00", 3));
  const auto read = checked(folder, pem_of_der(longer));
  ASSERT_TRUE(read) << message_of(read);
  EXPECT_EQ(read->fingerprint, fingerprint);
  // Ed25519's other solution, S + L, of a verifier that does not ask for S < L (RFC 8032, 5.1.7).
  constexpr unsigned char kOrder[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                        0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                        0,    0,    0,    0,    0,    0,    0,    0,
                                        0,    0,    0,    0,    0,    0,    0,    0x10};
  std::string other = der;
  unsigned carry = 0;
  for (size_t i = 0; i < 32; ++i) {
    auto& byte = other[other.size() - 32 + i];
    carry += static_cast<unsigned char>(byte) + kOrder[i];
    byte = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  EXPECT_FALSE(checked(folder, pem_of_der(other)));
}

TEST(CheckCertificate, TakesWhatIsLikeOurs) {
  const std::string folder = folder_of_certificates("a");
  const auto read = checked(folder, forge(folder, {}));
  ASSERT_TRUE(read) << message_of(read);
  EXPECT_EQ(read->name, "site");
  EXPECT_EQ(read->serial, "4d");
}

struct Unlike {
  const char* name;
  Forgery forgery;
  const char* words;  ///< in the message
};

void PrintTo(const Unlike& unlike, std::ostream* out) { *out << unlike.name; }

Forgery with_subject(std::vector<std::pair<int, std::string>> subject) {
  Forgery out;
  out.subject = std::move(subject);
  return out;
}

/// The extension of one sort with another value; "" leaves it out.
Forgery with_extension(int sort, const std::string& value) {
  Forgery out;
  std::erase_if(out.extensions, [&](const auto& entry) { return entry.first == sort; });
  if (!value.empty()) out.extensions.emplace_back(sort, value);
  return out;
}

Forgery of_hub(const std::string& hosts) {
  Forgery out = with_extension(NID_ext_key_usage, "serverAuth");
  out.subject[0].second = "hub";
  if (!hosts.empty()) out.extensions.emplace_back(NID_subject_alt_name, hosts);
  return out;
}

std::vector<Unlike> unlike_ours() {
  constexpr int kUnit = NID_organizationalUnitName, kCommon = NID_commonName;
  Forgery first_version, elliptic;
  first_version.version = X509_VERSION_1;
  elliptic.key_type = "EC";
  std::vector<Unlike> out = {
      {"NoUnit", with_subject({{kCommon, "site"}}), "no authority, hub or site"},
      {"OtherUnit", with_subject({{kUnit, "guest"}, {kCommon, "site"}}), "no authority"},
      {"TwoUnits", with_subject({{kUnit, "site"}, {kUnit, "hub"}, {kCommon, "site"}}),
       "no authority"},
      {"UnitOfAHub", with_subject({{kUnit, "hub"}, {kCommon, "site"}}), "no authority"},
      {"UnitOfAnAuthority", with_subject({{kUnit, "authority"}, {kCommon, "site"}}),
       "no authority"},
      {"NoName", with_subject({{kUnit, "site"}}), "name ``"},
      {"TwoNames", with_subject({{kUnit, "site"}, {kCommon, "a"}, {kCommon, "b"}}), "name ``"},
      {"NameOfAPath", with_subject({{kUnit, "site"}, {kCommon, "../a"}}), "name `../a`"},
      {"NameWithAZero", with_subject({{kUnit, "site"}, {kCommon, std::string("a\0b", 3)}}),
       "name `a?b`"},
      {"NameThatClearsTheScreen", with_subject({{kUnit, "site"}, {kCommon, "\x1b[2J"}}),
       "name `?[2J`"},
      {"MaySign", with_extension(NID_basic_constraints, "critical,CA:TRUE"), "no authority"},
      {"NoConstraints", with_extension(NID_basic_constraints, ""), "no authority"},
      {"KeyForSigning", with_extension(NID_key_usage, "critical,digitalSignature,keyCertSign"),
       "no authority"},
      {"NoKeyUsage", with_extension(NID_key_usage, ""), "no authority"},
      {"NoPurpose", with_extension(NID_ext_key_usage, ""), "no authority"},
      {"BothPurposes", with_extension(NID_ext_key_usage, "clientAuth,serverAuth"), "no authority"},
      {"AnyPurpose", with_extension(NID_ext_key_usage, "anyExtendedKeyUsage"), "no authority"},
      {"SiteWithHosts", with_extension(NID_subject_alt_name, "DNS:hub.example.org"), "has hosts"},
      {"Unknown", with_extension(NID_netscape_comment, "critical,hello"), "no authority"},
      {"FirstVersion", first_version, "no authority"},
      {"EllipticKey", elliptic, "not Ed25519"},
      {"HubWithoutHosts", of_hub(""), "has hosts"},
      {"HubWithMail", of_hub("email:a@b.c"), "no host"},
      {"HubWithAnyHost", of_hub("DNS:*.example.org"), "host `*.example.org`"},
      {"HubWithAnAddressAsName", of_hub("DNS:192.0.2.7"), "address as a DNS name"}};
  std::string many = "DNS:h";
  for (int i = 0; i < 40; ++i) many += ",DNS:h" + std::to_string(i);
  out.push_back({"HubWithManyHosts", of_hub(many), "more than 32"});
  return out;
}

class UnlikeOurs : public testing::TestWithParam<Unlike> {};

TEST_P(UnlikeOurs, IsNone) {
  const std::string folder = folder_of_certificates("a");
  const auto read = read_certificate(forge(folder, GetParam().forgery));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::kBadInput);
  EXPECT_THAT(read.error().message, HasSubstr(GetParam().words));
}

INSTANTIATE_TEST_SUITE_P(Made, UnlikeOurs, testing::ValuesIn(unlike_ours()),
                         [](const auto& unlike) { return unlike.param.name; });

TEST(CheckCertificate, RefusesOtherKindsAuthoritiesAndTimes) {
  const std::string folder = folder_of_certificates("a"), other = folder_of_certificates("b");
  const std::string site = read_text(folder + "/site.crt"), hub = read_text(folder + "/hub.crt");
  EXPECT_TRUE(checked(folder, hub, CertificateKind::kHub));
  EXPECT_THAT(message_of(checked(folder, hub)), HasSubstr("is one of hub; wanted: of site"));
  EXPECT_THAT(message_of(checked(folder, site, CertificateKind::kHub)),
              HasSubstr("is one of site"));
  EXPECT_THAT(message_of(checked(other, site)), HasSubstr("not signed by this authority"));
  constexpr auto kSite = CertificateKind::kSite;
  const auto info = read_certificate(site);
  EXPECT_TRUE(checked(folder, site, kSite, info->not_before_unix_s));
  EXPECT_THAT(message_of(checked(folder, site, kSite, info->not_before_unix_s - 1)),
              HasSubstr("not yet valid"));
  // RFC 5280 has that second within, OpenSSL has not.
  EXPECT_TRUE(checked(folder, site, kSite, info->not_after_unix_s - 1));
  EXPECT_THAT(message_of(checked(folder, site, kSite, info->not_after_unix_s)),
              HasSubstr("the certificate is over"));
  for (const int64_t days : {-2, 2}) {
    Forgery elsewhen;
    elsewhen.not_before_unix_s += days * kTestDay;
    elsewhen.not_after_unix_s += days * kTestDay;
    EXPECT_FALSE(checked(folder, forge(folder, elsewhen)));
    EXPECT_TRUE(checked(folder, forge(folder, elsewhen), kSite, kAtAnyTime));
    EXPECT_FALSE(checked(other, forge(folder, elsewhen), kSite, kAtAnyTime));
  }
  EXPECT_EQ(checked(other, site).error().fault, Fault::kRefused);
}

TEST(CheckCertificate, RefusesWhatASiteSigned) {
  const std::string folder = folder_of_certificates("a");
  const std::string made = forge(folder, {}, "site");
  ASSERT_TRUE(read_certificate(made));
  EXPECT_FALSE(checked(folder, made));
  // Not even if the site is taken for the authority.
  EXPECT_THAT(message_of(check_certificate(read_text(folder + "/site.crt"), made,
                                           CertificateKind::kSite, kTestNow)),
              HasSubstr("the authority's certificate is one of site"));
}

TEST(CheckCertificate, RefusesAnAuthorityThatDidNotSignItself) {
  const std::string folder = folder_of_certificates("a");
  Forgery forgery;
  forgery.subject[0].second = "authority";
  forgery.extensions = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                        {NID_key_usage, "critical,keyCertSign,cRLSign"},
                        {NID_subject_key_identifier, "hash"},
                        {NID_authority_key_identifier, "keyid"}};
  const std::string below = forge(folder, forgery);
  ASSERT_TRUE(read_certificate(below)) << message_of(read_certificate(below));
  EXPECT_FALSE(check_certificate(below, below, CertificateKind::kAuthority, kTestNow));
}

// A folder as one end of a connection has it.
class LoadIdentity : public testing::Test {
 protected:
  std::string message(CertificateKind kind = CertificateKind::kSite, int64_t now = kTestNow) {
    return message_of(load_identity(folder_ + "/site.crt", kind, now));
  }
  void copy(const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  }

  std::string folder_ = folder_of_certificates("a");
};

TEST_F(LoadIdentity, GivesTheThreeTexts) {
  const auto identity = load_identity(folder_ + "/site.crt", CertificateKind::kSite, kTestNow);
  ASSERT_TRUE(identity) << message_of(identity);
  EXPECT_EQ(identity->authority_pem, read_text(folder_ + "/authority.crt"));
  EXPECT_EQ(identity->certificate_pem, read_text(folder_ + "/site.crt"));
  EXPECT_EQ(identity->key_pem, read_text(folder_ + "/site.key"));
}

TEST_F(LoadIdentity, RefusesAnotherKind) {
  EXPECT_THAT(message(CertificateKind::kHub), HasSubstr("wanted: of hub"));
}

TEST_F(LoadIdentity, RefusesWhatIsOver) {
  EXPECT_THAT(message(CertificateKind::kSite, kTestNow + 366 * kTestDay), HasSubstr("is over"));
  EXPECT_THAT(message(CertificateKind::kSite, kTestNow - 2 * 3600), HasSubstr("not yet valid"));
}

TEST_F(LoadIdentity, RefusesAForeignAuthority) {
  copy(folder_of_certificates("b") + "/authority.crt", folder_ + "/authority.crt");
  EXPECT_THAT(message(), HasSubstr("not signed by this authority"));
}

TEST_F(LoadIdentity, RefusesAnotherKey) {
  copy(folder_ + "/hub.key", folder_ + "/site.key");
  EXPECT_THAT(message(), HasSubstr("is the key of another certificate"));
  write_text(folder_ + "/site.key", "no key");
  EXPECT_THAT(message(), HasSubstr("no private key"));
}

TEST_F(LoadIdentity, RefusesAKeyThatOthersCanReach) {
  const std::string key = folder_ + "/site.key";
  for (const mode_t mode : {0644, 0640, 0604, 0620, 0601}) {
    ASSERT_EQ(::chmod(key.c_str(), mode), 0);
    EXPECT_THAT(message(), HasSubstr("chmod 600")) << mode;
  }
  ASSERT_EQ(::chmod(key.c_str(), 0400), 0);
  EXPECT_EQ(message(), "none");
}

TEST_F(LoadIdentity, NamesTheFileThatIsMissing) {
  for (const char* name : {"/site.crt", "/site.key", "/authority.crt"}) {
    folder_ = folder_of_certificates("missing");
    std::filesystem::remove(folder_ + name);
    const auto identity = load_identity(folder_ + "/site.crt", CertificateKind::kSite, kTestNow);
    ASSERT_FALSE(identity) << name;
    EXPECT_EQ(identity.error().fault, Fault::kIo);
    EXPECT_THAT(identity.error().message, HasSubstr(name));
  }
  EXPECT_THAT(message_of(load_identity(folder_ + "/site.pem", CertificateKind::kSite, kTestNow)),
              HasSubstr("NAME.crt"));
}

TEST_F(LoadIdentity, RefusesAFileWithoutEnd) {
  std::filesystem::remove(folder_ + "/site.crt");
  std::filesystem::create_symlink("/dev/zero", folder_ + "/site.crt");
  EXPECT_THAT(message(), HasSubstr("more than 65536 bytes"));
}

}  // namespace
}  // namespace causeway
