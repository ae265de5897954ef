// SPDX-License-Identifier: Apache-2.0
#include "web/access.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

TEST(Access, IsOpenWithoutAToken) {
  const Access access("", true);
  EXPECT_TRUE(access.may_see("", ""));
  EXPECT_TRUE(access.may_see("Bearer x", "y"));
}

TEST(Access, WantsTheTokenEitherWay) {
  const Access access("s3cret", true);
  EXPECT_TRUE(access.may_see("Bearer s3cret", ""));
  EXPECT_TRUE(access.may_see("bearer s3cret", ""));
  EXPECT_TRUE(access.may_see("", "s3cret"));
  for (const std::string_view wrong : {"", "s3cre", "s3cret ", "S3CRET"}) {
    EXPECT_FALSE(access.may_see("Bearer " + std::string(wrong), "")) << wrong;
    EXPECT_FALSE(access.may_see("", wrong)) << wrong;
  }
  EXPECT_FALSE(access.may_see("", std::string_view("s3cret\0x", 8)));
  EXPECT_FALSE(access.may_see("Basic s3cret", ""));
  EXPECT_FALSE(access.may_see("Bearer", ""));
  EXPECT_FALSE(access.may_see("s3cret", ""));
}

TEST(Access, IsForItsOwnHostOnly) {
  const Access access("", true);
  for (const char* own :
       {"localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.1.2.3", "[::1]:80", ""})
    EXPECT_TRUE(access.is_for_us(own)) << own;
  for (const char* other : {"example.org", "localhost.example.org", "127.0.0.1.example.org",
                            "127.evil", "[::2]", "10.0.0.1", "[::1].example.org:80"})
    EXPECT_FALSE(access.is_for_us(other)) << other;
}

TEST(Access, AnswersToAnyNameWithATokenOrTls) {
  EXPECT_TRUE(Access("token", true).is_for_us("example.org"));
  EXPECT_TRUE(Access("", false).is_for_us("example.org"));
}

}  // namespace
}  // namespace causeway
