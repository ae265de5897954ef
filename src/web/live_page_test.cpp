// SPDX-License-Identifier: Apache-2.0
//
// The page's text. tests/python/test_web.py opens it in a browser, which also checks the hashes.
#include "web/live_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

namespace causeway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(LivePage, IsOneFileWithoutSources) {
  const std::string html = live_page().html;
  EXPECT_EQ(count_of(html, "<script"), 1U);
  EXPECT_EQ(count_of(html, "</script"), 1U);
  EXPECT_EQ(count_of(html, "<style"), 1U);
  EXPECT_EQ(count_of(html, "</style"), 1U);
  EXPECT_THAT(html, Not(HasSubstr("{{")));
  EXPECT_THAT(html, Not(HasSubstr(" src=")));
  EXPECT_THAT(html, Not(HasSubstr("@import")));
  EXPECT_THAT(html, HasSubstr("uPlot=function"));
  EXPECT_THAT(html, HasSubstr("Copyright (c) 2022 Leon Sorokin"));
}

TEST(LivePage, NeverMakesMarkupOfText) {
  const std::string html = live_page().html;
  for (const char* way :
       {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("})
    EXPECT_THAT(html, Not(HasSubstr(way)));
}

TEST(LivePage, PolicyAllowsTheTwoPartsAndNothingElse) {
  const std::string policy = live_page().policy;
  EXPECT_TRUE(std::regex_search(
      policy, std::regex("style-src 'sha256-[A-Za-z0-9+/]{43}='; script-src 'sha256-"
                         "[A-Za-z0-9+/]{43}='; connect-src 'self'; img-src data:;")))
      << policy;
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("require-trusted-types-for 'script'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
}

}  // namespace
}  // namespace causeway
