// SPDX-License-Identifier: Apache-2.0
//
// Goal: what is made can be used as what it says and as nothing else; what cannot be made leaves
// nothing behind. tests/python/test_cert.py compares the files with other programs' view of them.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>

#include "net/test_certificates.h"

namespace causeway {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

mode_t mode_of(const std::string& path) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 ? about.st_mode & 07777 : 0;
}

/// A umask for one scope.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  ~Umask() { ::umask(before_); }

 private:
  mode_t before_;
};

TEST(Authority, IsMadeOnce) {
  const std::string folder = fresh_folder("a") + "/new/folder";
  const IssueOptions options{CertificateKind::kAuthority, "novels", {}, 10, kTestNow};
  const auto made = make_authority(folder, options);
  ASSERT_TRUE(made) << message_of(made);
  EXPECT_EQ(made->kind, CertificateKind::kAuthority);
  EXPECT_EQ(made->name, "novels");
  EXPECT_THAT(made->hosts, IsEmpty());
  EXPECT_EQ(made->not_before_unix_s, kTestNow - 3600);
  EXPECT_EQ(made->not_after_unix_s, kTestNow + 10 * kTestDay);
  EXPECT_EQ(mode_of(folder), 0700);
  const std::string before = read_text(folder + "/authority.key");
  const auto again = make_authority(folder, options);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::kBadInput);
  EXPECT_THAT(again.error().message, HasSubstr("authority.crt"));
  EXPECT_EQ(read_text(folder + "/authority.key"), before);
  EXPECT_THAT(names_in(folder), UnorderedElementsAre("authority.crt", "authority.key"));
}

TEST(Issue, SaysWhatWasAskedFor) {
  const std::string folder = folder_of_certificates("a");
  IssueOptions options = hub_options("hub-2");
  options.hosts = {"Hub.Example.ORG", "192.0.2.7", "2001:DB8:0::7", "localhost", "hub.example.org"};
  const auto made = issue_certificate(folder, options);
  ASSERT_TRUE(made) << message_of(made);
  EXPECT_EQ(made->kind, CertificateKind::kHub);
  EXPECT_EQ(made->name, "hub-2");
  EXPECT_THAT(made->hosts, ElementsAre("hub.example.org", "192.0.2.7", "2001:db8::7", "localhost"));
  EXPECT_EQ(made->not_after_unix_s, kTestNow + 365 * kTestDay);
  const auto read = read_certificate_file(folder + "/hub-2.crt");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->fingerprint, made->fingerprint);
  EXPECT_EQ(read->hosts, made->hosts);
  // The authority is the second certificate of the file.
  const std::string text = read_text(folder + "/hub-2.crt");
  const auto second = read_certificate(text.substr(text.rfind("-----BEGIN")));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->kind, CertificateKind::kAuthority);
}

TEST(Issue, EndsWithItsAuthorityAtLast) {
  const std::string folder = fresh_folder("a");
  const auto authority =
      make_authority(folder, {CertificateKind::kAuthority, "a", {}, 10, kTestNow});
  ASSERT_TRUE(authority);
  const auto made = issue_certificate(folder, site_options("site"));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->not_after_unix_s, authority->not_after_unix_s);
  IssueOptions late = site_options("late");
  late.now_unix_s = authority->not_after_unix_s + 1;
  const auto over = issue_certificate(folder, late);
  ASSERT_FALSE(over);
  EXPECT_THAT(over.error().message, AllOf(HasSubstr("authority.crt"), HasSubstr("is over")));
}

TEST(Issue, DrawsSerialsOf128Bits) {
  const std::string folder = folder_of_certificates("a");
  std::set<std::string> serials;
  size_t digits = 0;
  for (int i = 0; i < 20; ++i) {
    const auto made = issue_certificate(folder, site_options("s" + std::to_string(i)));
    ASSERT_TRUE(made);
    EXPECT_LE(made->serial.size(), 32U);
    digits += made->serial.size();
    serials.insert(made->serial);
  }
  EXPECT_EQ(serials.size(), 20U);
  EXPECT_GE(digits, 20U * 32 - 8);  // Leading zero bytes: four among twenty have odds of 1e-6.
}

class KeyFile : public testing::TestWithParam<mode_t> {};

TEST_P(KeyFile, IsItsOwnersAlone) {
  const std::string folder = fresh_folder("a");
  const Umask umask(GetParam());
  ASSERT_TRUE(make_authority(folder, {CertificateKind::kAuthority, "a", {}, 10, kTestNow}));
  ASSERT_TRUE(issue_certificate(folder, site_options("site")));
  ASSERT_TRUE(make_request(folder, "asked"));
  for (const char* name : {"/authority.key", "/site.key", "/asked.key"})
    EXPECT_EQ(mode_of(folder + name), 0600) << name;
}

INSTANTIATE_TEST_SUITE_P(Umasks, KeyFile, testing::Values(0, 022, 0277),
                         [](const auto& mask) { return "mask" + std::to_string(mask.param); });

TEST(Issue, RefusesNamesThatAreNone) {
  const std::string folder = folder_of_certificates("a");
  const auto before = names_in(folder);
  for (const std::string& name :
       {std::string(), std::string(65, 'a'), std::string("a/b"), std::string("../a"),
        std::string(".a"), std::string("-a"), std::string("a b"), std::string("\xc3\xa4"),
        std::string("a\0b", 3), std::string("a\x1b[2J")}) {
    for (const auto& result :
         {issue_certificate(folder, site_options(name)),
          issue_certificate(folder, hub_options(name)),
          make_authority(folder, {CertificateKind::kAuthority, name, {}, 1, 0})}) {
      ASSERT_FALSE(result) << name;
      EXPECT_EQ(result.error().fault, Fault::kBadInput);
      EXPECT_EQ(result.error().message.find('\x1b'), std::string::npos);
    }
    ASSERT_FALSE(make_request(folder, name)) << name;
  }
  EXPECT_EQ(names_in(folder), before);
  EXPECT_TRUE(issue_certificate(folder, site_options(std::string(64, 'a'))));
  EXPECT_TRUE(issue_certificate(folder, site_options("A-z_0.9")));
}

TEST(Issue, RefusesHostsThatAreNone) {
  const std::string folder = folder_of_certificates("a");
  for (const std::string& host :
       {std::string(), std::string("a:443"), std::string("256.0.0.1"), std::string("1.2.3"),
        std::string("a..b"), std::string("-a.b"), std::string("a-.b"), std::string(".a"),
        std::string("a."), std::string("*.a.b"), std::string("a_b"), std::string("https://a"),
        std::string(64, 'a'), std::string("a\0b", 3), std::string("192.0.2.7\0", 10),
        std::string("[::1]"),
        std::string("h\xc3\xbc"
                    "b")}) {
    IssueOptions options = hub_options("h");
    options.hosts = {"good.example.org", host};
    const auto made = issue_certificate(folder, options);
    ASSERT_FALSE(made) << host;
    EXPECT_EQ(made.error().fault, Fault::kBadInput) << host;
  }
  IssueOptions none = hub_options("h");
  none.hosts.clear();
  EXPECT_THAT(message_of(issue_certificate(folder, none)), HasSubstr("at least one"));
  IssueOptions many = hub_options("h");
  for (int i = 0; i < 40; ++i) many.hosts.push_back("h" + std::to_string(i));
  EXPECT_THAT(message_of(issue_certificate(folder, many)), HasSubstr("at most 32"));
  IssueOptions site = site_options("h");
  site.hosts = {"a"};
  EXPECT_THAT(message_of(issue_certificate(folder, site)), HasSubstr("only a hub"));
}

TEST(Issue, RefusesDaysThatAreNone) {
  const std::string folder = folder_of_certificates("a");
  for (const int64_t days : {int64_t{0}, int64_t{-1}, int64_t{36'501}, INT64_MAX, INT64_MIN}) {
    IssueOptions options = site_options("s");
    options.days = days;
    EXPECT_THAT(message_of(issue_certificate(folder, options)), HasSubstr("wanted 1 to 36500"));
  }
}

TEST(Issue, ReplacesNothing) {
  const std::string folder = folder_of_certificates("a");
  const std::string before = read_text(folder + "/site.crt") + read_text(folder + "/site.key");
  const auto again = issue_certificate(folder, site_options("site"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::kBadInput);
  EXPECT_FALSE(make_request(folder, "site"));
  EXPECT_FALSE(issue_certificate(folder, site_options("authority")));
  EXPECT_EQ(read_text(folder + "/site.crt") + read_text(folder + "/site.key"), before);
  ASSERT_TRUE(make_request(folder, "asked"));
  EXPECT_THAT(message_of(issue_certificate(folder, site_options("asked"))),
              HasSubstr("causeway cert sign"));
}

TEST(Issue, TellsWhoMaySignWhereTheKeyIsNot) {
  const std::string folder = folder_of_certificates("a");
  std::filesystem::remove(folder + "/authority.key");
  const auto made = issue_certificate(folder, site_options("s"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().fault, Fault::kIo);
  EXPECT_THAT(made.error().message,
              AllOf(HasSubstr("authority.key"), HasSubstr("causeway cert request")));
  const std::string empty = fresh_folder("b");
  EXPECT_THAT(message_of(issue_certificate(empty, site_options("s"))),
              HasSubstr("`causeway cert authority` makes one"));
  EXPECT_THAT(names_in(empty), IsEmpty());
}

TEST(Issue, TakesOnlyTheAuthoritysOwnSecretKey) {
  const std::string folder = folder_of_certificates("a"), other = folder_of_certificates("b");
  const std::string key = folder + "/authority.key";
  ASSERT_EQ(::chmod(key.c_str(), 0640), 0);
  EXPECT_THAT(message_of(issue_certificate(folder, site_options("s"))), HasSubstr("chmod 600"));
  std::filesystem::copy_file(other + "/authority.key", key,
                             std::filesystem::copy_options::overwrite_existing);
  ASSERT_EQ(::chmod(key.c_str(), 0600), 0);
  EXPECT_THAT(message_of(issue_certificate(folder, site_options("s"))),
              HasSubstr("is not the key of"));
  std::filesystem::copy_file(folder + "/site.crt", folder + "/authority.crt",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(message_of(issue_certificate(folder, site_options("s"))),
              HasSubstr("is one of site"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/s.crt"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/s.key"));
}

TEST(Issue, LeavesNothingHalfDone) {
  const std::string folder = folder_of_certificates("a");
  // What a killed command left aside does not stand in the way.
  write_text(folder + "/s.key.writing", "half");
  write_text(folder + "/s.crt.writing", "half");
  ASSERT_TRUE(issue_certificate(folder, site_options("s")));
  EXPECT_TRUE(load_identity(folder + "/s.crt", CertificateKind::kSite, kTestNow));
  for (const std::string& name : names_in(folder)) EXPECT_FALSE(name.ends_with(".writing")) << name;
}

TEST(Issue, OfOneNameAtOnceIsOne) {
  const std::string folder = folder_of_certificates("a");
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i)
    threads.emplace_back(
        [&] { made += issue_certificate(folder, site_options("s")).ok() ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_TRUE(load_identity(folder + "/s.crt", CertificateKind::kSite, kTestNow));
}

TEST(Request, IsSignedAsItsNameAndKey) {
  const std::string folder = folder_of_certificates("a"), site = fresh_folder("site");
  const auto asked = make_request(site, "far");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->name, "far");
  EXPECT_EQ(asked->key_fingerprint.size(), 64U);
  EXPECT_THAT(names_in(site), UnorderedElementsAre("far.csr", "far.key"));
  EXPECT_EQ(read_request_file(site + "/far.csr")->key_fingerprint, asked->key_fingerprint);

  IssueOptions options = site_options("not read");
  const auto made = sign_request(folder, site + "/far.csr", options);
  ASSERT_TRUE(made) << message_of(made);
  EXPECT_EQ(made->name, "far");
  EXPECT_EQ(made->kind, CertificateKind::kSite);
  EXPECT_FALSE(std::filesystem::exists(folder + "/far.key"));
  for (const char* name : {"/far.crt", "/authority.crt"})
    std::filesystem::copy_file(folder + name, site + name);
  const auto identity = load_identity(site + "/far.crt", CertificateKind::kSite, kTestNow);
  EXPECT_TRUE(identity) << message_of(identity);
  EXPECT_FALSE(sign_request(folder, site + "/far.csr", options));  // There is one already.
}

TEST(Request, IsAHubsWhereTheAuthoritySaysSo) {
  const std::string folder = folder_of_certificates("a"), hub = fresh_folder("hub");
  ASSERT_TRUE(make_request(hub, "hub-2"));
  const auto made = sign_request(folder, hub + "/hub-2.csr", hub_options(""));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->kind, CertificateKind::kHub);
  EXPECT_THAT(made->hosts, ElementsAre("hub.example.org", "192.0.2.7"));
}

TEST(Request, IsRefusedUnderAnotherName) {
  const std::string folder = folder_of_certificates("a"), site = fresh_folder("site");
  ASSERT_TRUE(make_request(site, "far"));
  std::filesystem::rename(site + "/far.csr", site + "/near.csr");
  const auto made = sign_request(folder, site + "/near.csr", site_options(""));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().fault, Fault::kBadInput);
  EXPECT_THAT(made.error().message, HasSubstr("`far`"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/far.crt"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/near.crt"));
}

TEST(Request, IsRefusedIfAnythingInItWasChanged) {
  const std::string folder = fresh_folder("a");
  ASSERT_TRUE(make_request(folder, "far"));
  const std::string der = der_of(read_text(folder + "/far.csr"));
  ASSERT_TRUE(read_request(pem_of_der(der, "CERTIFICATE REQUEST")));
  for (size_t at = 0; at < der.size(); ++at)
    for (const char flip : {'\x01', '\x80'}) {
      std::string changed = der;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      EXPECT_FALSE(read_request(pem_of_der(changed, "CERTIFICATE REQUEST"))) << at;
    }
  EXPECT_FALSE(read_request(read_text(folder + "/far.key")));
  EXPECT_FALSE(read_request(""));
  EXPECT_FALSE(read_request(std::string(100'000, 'A')));
}

}  // namespace
}  // namespace causeway
