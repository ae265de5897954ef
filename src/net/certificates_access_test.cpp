// SPDX-License-Identifier: Apache-2.0
//
// Goal: a list says what its lines say, or nothing is taken from it; a change is one line and
// leaves the rest as people wrote it.
#include "net/certificates_access.h"

#include <gmock/gmock.h>

#include <thread>

#include "net/test_certificates.h"

namespace causeway {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string kA(64, 'a'), kB(64, 'b'), kC = std::string(32, '0') + std::string(32, 'f');

/// As `openssl x509 -fingerprint` prints it.
std::string with_colons(const std::string& digits) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && i % 2 == 0) out += ':';
    out += static_cast<char>(std::toupper(digits[i]));
  }
  return out;
}

TEST(Fingerprint, IsReadAsPeopleHaveIt) {
  EXPECT_EQ(*read_fingerprint(kC), kC);
  EXPECT_EQ(*read_fingerprint(with_colons(kC)), kC);
  for (const std::string& text : {std::string(), std::string("g") + kA.substr(1), kA.substr(1),
                                  kA + "a", kA + " ", " " + kA, std::string(64, ':')})
    EXPECT_FALSE(read_fingerprint(text)) << text;
}

TEST(AccessLists, ReadCommentsAndNames) {
  const auto read = read_fingerprints("# heading\r\n\r\n" + kA + " dickens\n  " + with_colons(kB) +
                                          "\taustin # left in May\n#" + kC + "\n" + kC,
                                      "list");
  ASSERT_TRUE(read) << message_of(read);
  EXPECT_THAT(*read, UnorderedElementsAre(kA, kB, kC));
  EXPECT_THAT(*read_fingerprints("", "list"), IsEmpty());
}

TEST(AccessLists, NameTheLineThatIsNone) {
  for (const std::string& bad :
       {std::string("dickens"), kA.substr(1), kA + kA, "x " + kA, std::string("\x1b[2J"),
        std::string("\0", 1), "\xef\xbb\xbf" + kA, kA + "\v"}) {
    const auto read = read_fingerprints("# one\n" + kB + "\n" + bad + "\n" + kC, "some/list.txt");
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().fault, Fault::kBadInput);
    EXPECT_THAT(read.error().message, HasSubstr("some/list.txt:3: "));
    EXPECT_EQ(read.error().message.find('\x1b'), std::string::npos);
  }
}

TEST(AccessList, AdmitsAllWhereThereIsNoList) {
  const auto access = read_access_list(fresh_folder("a"));
  ASSERT_TRUE(access);
  EXPECT_FALSE(access->only_admitted);
  EXPECT_EQ(access->why_refused(kA), "");
}

TEST(AccessList, AdmitsWhoIsOnTheListAndRefusesWhoIsRevoked) {
  const std::string folder = fresh_folder("a");
  ASSERT_TRUE(admit_certificate(folder, kA, "dickens"));
  ASSERT_TRUE(admit_certificate(folder, with_colons(kB), ""));
  EXPECT_EQ(read_text(folder + "/admitted.txt"), kA + " dickens\n" + kB + "\n");
  auto access = read_access_list(folder);
  EXPECT_TRUE(access->only_admitted);
  EXPECT_EQ(access->why_refused(kA), "");
  EXPECT_EQ(access->why_refused(kB), "");
  EXPECT_THAT(access->why_refused(kC), AllOf(HasSubstr("not admitted"), HasSubstr(kC)));

  ASSERT_TRUE(revoke_certificate(folder, kA, "dickens"));
  access = read_access_list(folder);
  EXPECT_THAT(access->admitted, ElementsAre(kB));
  EXPECT_THAT(access->revoked, ElementsAre(kA));
  EXPECT_THAT(access->why_refused(kA), HasSubstr("revoked"));

  ASSERT_TRUE(admit_certificate(folder, kA, "dickens"));
  access = read_access_list(folder);
  EXPECT_THAT(access->revoked, IsEmpty());
  EXPECT_EQ(access->why_refused(kA), "");
}

TEST(AccessList, IsStillAListWhenItsLastLineWent) {
  const std::string folder = fresh_folder("a");
  ASSERT_TRUE(admit_certificate(folder, kA, ""));
  ASSERT_TRUE(revoke_certificate(folder, kA, ""));
  const auto access = read_access_list(folder);
  EXPECT_TRUE(access->only_admitted);
  EXPECT_NE(access->why_refused(kB), "");
}

TEST(AccessList, OnBothListsIsRevoked) {
  AccessList access{true, {kA}, {kA}};
  EXPECT_THAT(access.why_refused(kA), HasSubstr("revoked"));
}

TEST(AccessList, ChangesOneLineOnce) {
  const std::string folder = fresh_folder("a");
  const std::string before = "# ours\n\n" + with_colons(kA) + " dickens # since May\n" + kB;
  write_text(folder + "/revoked.txt", before);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(revoke_certificate(folder, kC, "austen"));
  EXPECT_EQ(read_text(folder + "/revoked.txt"), before + "\n" + kC + " austen\n");
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(admit_certificate(folder, kA, "dickens"));
  EXPECT_EQ(read_text(folder + "/revoked.txt"), "# ours\n\n" + kB + "\n" + kC + " austen\n");
  EXPECT_EQ(read_text(folder + "/admitted.txt"), kA + " dickens\n");
}

TEST(AccessList, WithABadLineIsNeitherReadNorChanged) {
  const std::string folder = fresh_folder("a");
  write_text(folder + "/admitted.txt", kA + "\nnonsense\n");
  EXPECT_THAT(message_of(read_access_list(folder)), HasSubstr("admitted.txt:2: "));
  EXPECT_FALSE(admit_certificate(folder, kB, ""));
  EXPECT_FALSE(revoke_certificate(folder, kA, ""));
  EXPECT_EQ(read_text(folder + "/admitted.txt"), kA + "\nnonsense\n");
  EXPECT_FALSE(std::filesystem::exists(folder + "/revoked.txt"));
}

TEST(AccessList, TakesNoNameThatIsALine) {
  const std::string folder = fresh_folder("a");
  EXPECT_FALSE(admit_certificate(folder, kA, "a\n" + kB));
  EXPECT_FALSE(admit_certificate(folder, kA + "\n" + kB, ""));
  EXPECT_FALSE(admit_certificate(folder, "dickens", ""));
  EXPECT_FALSE(std::filesystem::exists(folder + "/admitted.txt"));
}

TEST(AccessList, ThatCannotBeReadIsNotEmpty) {
  const std::string folder = fresh_folder("a");
  std::filesystem::create_directory(folder + "/revoked.txt");
  EXPECT_FALSE(read_access_list(folder));
  std::filesystem::remove(folder + "/revoked.txt");
  std::filesystem::create_symlink("revoked.txt", folder + "/revoked.txt");  // Leads to itself.
  EXPECT_FALSE(read_access_list(folder));
  std::filesystem::remove(folder + "/revoked.txt");
  write_text(folder + "/revoked.txt", std::string((1 << 20) + 1, '#'));
  EXPECT_FALSE(read_access_list(folder));
}

TEST(AccessList, LosesNoChangeOfSeveralAtOnce) {
  const std::string folder = fresh_folder("a");
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (char digit = '0'; digit < '4'; ++digit)
    threads.emplace_back([&folder, digit] {
      for (const char end : {'5', '6', '7', '8', '9'})
        EXPECT_TRUE(revoke_certificate(folder, std::string(63, digit) + end, ""));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(read_access_list(folder)->revoked.size(), 20U);
}

}  // namespace
}  // namespace causeway
